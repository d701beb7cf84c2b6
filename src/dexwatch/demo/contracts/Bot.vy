# pragma version ~=0.4.3
"""
@title Bot: trades on pools without the platform's router
@notice Arbitrage between a V2 pair and a V3 pool, and plain direct swaps; only for its owner.
"""

from ethereum.ercs import IERC20

interface Pair:
    def token0() -> address: view
    def getReserves() -> (uint112, uint112, uint32): view
    def swap(amount0Out: uint256, amount1Out: uint256, to: address, data: Bytes[32]): nonpayable

interface Pool:
    def token0() -> address: view
    def swap(recipient: address, zeroForOne: bool, amountSpecified: int256, sqrtPriceLimitX96: uint160, data: Bytes[32]) -> (int256, int256): nonpayable

MIN_SQRT_PRICE: constant(uint160) = 4295128739
MAX_SQRT_PRICE: constant(uint160) = 1461446703485210103287273052203988822378723970342

owner: immutable(address)
expected: transient(address)


@deploy
def __init__():
    owner = msg.sender


@internal
def _swap_pair(pair: address, tokenIn: address, amountIn: uint256) -> uint256:
    forward: bool = staticcall Pair(pair).token0() == tokenIn
    r0: uint112 = 0
    r1: uint112 = 0
    t: uint32 = 0
    r0, r1, t = staticcall Pair(pair).getReserves()
    rin: uint256 = convert(r0 if forward else r1, uint256)
    rout: uint256 = convert(r1 if forward else r0, uint256)
    scaled: uint256 = amountIn * 9975
    out: uint256 = scaled * rout // (rin * 10000 + scaled)
    extcall IERC20(tokenIn).transfer(pair, amountIn)
    if forward:
        extcall Pair(pair).swap(0, out, self, b"")
    else:
        extcall Pair(pair).swap(out, 0, self, b"")
    return out


@internal
def _swap_pool(pool: address, tokenIn: address, amountIn: uint256) -> uint256:
    forward: bool = staticcall Pool(pool).token0() == tokenIn
    limit: uint160 = MIN_SQRT_PRICE + 1 if forward else MAX_SQRT_PRICE - 1
    amount0: int256 = 0
    amount1: int256 = 0
    self.expected = pool
    amount0, amount1 = extcall Pool(pool).swap(self, forward, convert(amountIn, int256), limit, abi_encode(tokenIn))
    self.expected = empty(address)
    return convert(-amount1 if forward else -amount0, uint256)


@external
def pancakeV3SwapCallback(amount0Delta: int256, amount1Delta: int256, data: Bytes[32]):
    assert msg.sender == self.expected, "unexpected callback"
    token: address = abi_decode(data, address)
    owed: int256 = max(amount0Delta, amount1Delta)
    extcall IERC20(token).transfer(msg.sender, convert(owed, uint256))


@external
def swapPair(pair: address, tokenIn: address, amountIn: uint256) -> uint256:
    assert msg.sender == owner, "not the owner"
    return self._swap_pair(pair, tokenIn, amountIn)


@external
def arbitrage(pair: address, pool: address, pairFirst: bool, tokenIn: address, tokenMiddle: address, amountIn: uint256) -> uint256:
    """
    @notice Buy the middle token in one market, sell it in the other; reverts at a loss.
    """
    assert msg.sender == owner, "not the owner"
    out: uint256 = 0
    if pairFirst:
        out = self._swap_pool(pool, tokenMiddle, self._swap_pair(pair, tokenIn, amountIn))
    else:
        out = self._swap_pair(pair, tokenMiddle, self._swap_pool(pool, tokenIn, amountIn))
    assert out >= amountIn, "no profit"
    return out
