# pragma version ~=0.4.3
"""
@title Router: the platform's way into V2 pairs and V3 pools
@notice Every trade tells in its event what was quoted to the user,
        so that slippage against the quote can be measured from the log alone.
"""

from ethereum.ercs import IERC20

import Guarded

initializes: Guarded
exports: (
    Guarded.owner,
    Guarded.guardian,
    Guarded.paused,
    Guarded.blocked,
    Guarded.pause,
    Guarded.unpause,
    Guarded.blockAccount,
    Guarded.unblockAccount,
    Guarded.setGuardian,
    Guarded.transferOwnership,
)

interface Pair:
    def token0() -> address: view
    def token1() -> address: view
    def getReserves() -> (uint112, uint112, uint32): view
    def swap(amount0Out: uint256, amount1Out: uint256, to: address, data: Bytes[32]): nonpayable
    def mint(to: address) -> uint256: nonpayable
    def burn(to: address) -> (uint256, uint256): nonpayable

interface Pool:
    def token0() -> address: view
    def token1() -> address: view
    def swap(recipient: address, zeroForOne: bool, amountSpecified: int256, sqrtPriceLimitX96: uint160, data: Bytes[96]) -> (int256, int256): nonpayable
    def mint(recipient: address, tickLower: int24, tickUpper: int24, amount: uint128, data: Bytes[96]) -> (uint256, uint256): nonpayable

event Traded:
    user: indexed(address)
    pool: indexed(address)
    tokenIn: address
    amountIn: uint256
    amountOut: uint256
    quotedOut: uint256
    minOut: uint256

event FeeChanged:
    previousBps: uint256
    newBps: uint256

MAX_FEE_BPS: constant(uint256) = 300
PAIR_FEE: constant(uint256) = 25
MIN_SQRT_PRICE: constant(uint160) = 4295128739
MAX_SQRT_PRICE: constant(uint160) = 1461446703485210103287273052203988822378723970342

feeBps: public(uint256)
treasury: public(address)
# The pool that this contract is in the middle of calling; only it may call back.
expected: transient(address)


@deploy
def __init__(guardian: address, treasury: address, feeBps: uint256):
    Guarded.__init__(guardian)
    assert feeBps <= MAX_FEE_BPS, "fee too high"
    self.treasury = treasury
    self.feeBps = feeBps


@external
def setFeeBps(feeBps: uint256):
    Guarded._only_owner()
    assert feeBps <= MAX_FEE_BPS, "fee too high"
    log FeeChanged(previousBps=self.feeBps, newBps=feeBps)
    self.feeBps = feeBps


@internal
def _take_fee(token: address, amountIn: uint256) -> uint256:
    fee: uint256 = amountIn * self.feeBps // 10000
    if fee > 0:
        extcall IERC20(token).transferFrom(msg.sender, self.treasury, fee)
    return amountIn - fee


@external
def swapV2(pair: address, tokenIn: address, amountIn: uint256, quotedOut: uint256, minOut: uint256, to: address) -> uint256:
    Guarded._open_for(msg.sender)
    paid: uint256 = self._take_fee(tokenIn, amountIn)
    forward: bool = staticcall Pair(pair).token0() == tokenIn
    assert forward or staticcall Pair(pair).token1() == tokenIn, "token not in pair"
    r0: uint112 = 0
    r1: uint112 = 0
    t: uint32 = 0
    r0, r1, t = staticcall Pair(pair).getReserves()
    rin: uint256 = convert(r0 if forward else r1, uint256)
    rout: uint256 = convert(r1 if forward else r0, uint256)
    scaled: uint256 = paid * (10000 - PAIR_FEE)
    out: uint256 = scaled * rout // (rin * 10000 + scaled)
    assert out >= minOut, "less than minOut"
    extcall IERC20(tokenIn).transferFrom(msg.sender, pair, paid)
    if forward:
        extcall Pair(pair).swap(0, out, to, b"")
    else:
        extcall Pair(pair).swap(out, 0, to, b"")
    log Traded(user=msg.sender, pool=pair, tokenIn=tokenIn, amountIn=amountIn, amountOut=out, quotedOut=quotedOut, minOut=minOut)
    return out


@external
def swapV3(pool: address, tokenIn: address, amountIn: uint256, quotedOut: uint256, minOut: uint256, to: address) -> uint256:
    Guarded._open_for(msg.sender)
    paid: uint256 = self._take_fee(tokenIn, amountIn)
    forward: bool = staticcall Pool(pool).token0() == tokenIn
    assert forward or staticcall Pool(pool).token1() == tokenIn, "token not in pool"
    limit: uint160 = MIN_SQRT_PRICE + 1 if forward else MAX_SQRT_PRICE - 1
    amount0: int256 = 0
    amount1: int256 = 0
    self.expected = pool
    amount0, amount1 = extcall Pool(pool).swap(to, forward, convert(paid, int256), limit, abi_encode(msg.sender, tokenIn, tokenIn))
    self.expected = empty(address)
    out: uint256 = convert(-amount1 if forward else -amount0, uint256)
    assert out >= minOut, "less than minOut"
    log Traded(user=msg.sender, pool=pool, tokenIn=tokenIn, amountIn=amountIn, amountOut=out, quotedOut=quotedOut, minOut=minOut)
    return out


@internal
def _pay(owed0: int256, owed1: int256, data: Bytes[96]):
    assert msg.sender == self.expected, "unexpected callback"
    payer: address = empty(address)
    token0: address = empty(address)
    token1: address = empty(address)
    payer, token0, token1 = abi_decode(data, (address, address, address))
    if owed0 > 0:
        extcall IERC20(token0).transferFrom(payer, msg.sender, convert(owed0, uint256))
    if owed1 > 0:
        extcall IERC20(token1).transferFrom(payer, msg.sender, convert(owed1, uint256))


@external
def pancakeV3SwapCallback(amount0Delta: int256, amount1Delta: int256, data: Bytes[96]):
    self._pay(amount0Delta, amount1Delta, data)


@external
def pancakeV3MintCallback(amount0Owed: uint256, amount1Owed: uint256, data: Bytes[96]):
    self._pay(convert(amount0Owed, int256), convert(amount1Owed, int256), data)


@external
def addLiquidityV2(pair: address, amount0: uint256, amount1: uint256) -> uint256:
    """
    @notice Add both tokens as given; the pair keeps what exceeds its ratio.
    """
    Guarded._open_for(msg.sender)
    extcall IERC20(staticcall Pair(pair).token0()).transferFrom(msg.sender, pair, amount0)
    extcall IERC20(staticcall Pair(pair).token1()).transferFrom(msg.sender, pair, amount1)
    return extcall Pair(pair).mint(msg.sender)


@external
def removeLiquidityV2(pair: address, liquidity: uint256) -> (uint256, uint256):
    Guarded._open_for(msg.sender)
    extcall IERC20(pair).transferFrom(msg.sender, pair, liquidity)
    return extcall Pair(pair).burn(msg.sender)


@external
def addLiquidityV3(pool: address, tickLower: int24, tickUpper: int24, liquidity: uint128) -> (uint256, uint256):
    """
    @notice Open a position for the caller; the caller burns and collects on the pool itself.
    """
    Guarded._open_for(msg.sender)
    data: Bytes[96] = abi_encode(msg.sender, staticcall Pool(pool).token0(), staticcall Pool(pool).token1())
    self.expected = pool
    amount0: uint256 = 0
    amount1: uint256 = 0
    amount0, amount1 = extcall Pool(pool).mint(msg.sender, tickLower, tickUpper, liquidity, data)
    self.expected = empty(address)
    return amount0, amount1
