# pragma version ~=0.4.3
"""
@title PoolDeployer: creates PancakeSwap V3 pools for the factory
@notice The pool's constructor asks its creator for `parameters()`;
        its code lies in a blueprint (ERC-5202), because it is too long for calldata of every call.
"""

struct Parameters:
    factory: address
    token0: address
    token1: address
    fee: uint24
    tickSpacing: int24

parameters: public(Parameters)
blueprint: public(immutable(address))
factory: public(address)
owner: immutable(address)


@deploy
def __init__(_blueprint: address):
    blueprint = _blueprint
    owner = msg.sender


@external
def setFactory(factory: address):
    assert msg.sender == owner, "not the owner"
    assert self.factory == empty(address), "already set"
    self.factory = factory


@external
def deploy(factory: address, token0: address, token1: address, fee: uint24, tickSpacing: int24) -> address:
    assert msg.sender == self.factory, "not the factory"
    self.parameters = Parameters(
        factory=factory, token0=token0, token1=token1, fee=fee, tickSpacing=tickSpacing
    )
    salt: bytes32 = keccak256(abi_encode(token0, token1, fee))
    pool: address = create_from_blueprint(blueprint, salt=salt, code_offset=3)
    self.parameters = empty(Parameters)
    return pool
