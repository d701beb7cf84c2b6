"""Topics of the events that we read: keccak-256 of the canonical signature, checked by a test."""

SIGNATURES = {
    "Swap(address,uint256,uint256,uint256,uint256,address)": (
        "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
    ),
    "Sync(uint112,uint112)": "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1",
    "Mint(address,uint256,uint256)": (
        "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f"
    ),
    "Burn(address,uint256,uint256,address)": (
        "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496"
    ),
    "PairCreated(address,address,address,uint256)": (
        "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"
    ),
    "Swap(address,address,int256,int256,uint160,uint128,int24)": (
        "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
    ),
    "Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)": (
        "0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83"
    ),
    "Mint(address,address,int24,int24,uint128,uint256,uint256)": (
        "0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde"
    ),
    "Burn(address,int24,int24,uint128,uint256,uint256)": (
        "0x0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c"
    ),
    "Collect(address,address,int24,int24,uint128,uint128)": (
        "0x70935338e69775456a85ddef226c395fb668b63fa0115f5f20610b388e6ca9c0"
    ),
    "Transfer(address,address,uint256)": (
        "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    ),
    "IncreaseLiquidity(uint256,uint128,uint256,uint256)": (
        "0x3067048beee31b25b2f1681f88dac838c8bba36af25bfb2b7cf7473a5847e35f"
    ),
    "DecreaseLiquidity(uint256,uint128,uint256,uint256)": (
        "0x26f6a048ee9138f2c0ce266f322cb99228e8d619ae2bff30c67f8dcf9d2377b4"
    ),
    "Paused(address)": "0x62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258",
    "Unpaused(address)": "0x5db9ee0a495bf2e6ff9c91a7834c1ba4fdd244a5e8aa4e537bd38aeae4b073aa",
    "OwnershipTransferred(address,address)": (
        "0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0"
    ),
    "RoleGranted(bytes32,address,address)": (
        "0x2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d"
    ),
    "RoleRevoked(bytes32,address,address)": (
        "0xf6391f5c32d9c69d2a47ea670b442974b53935d1edc7fd64eb21e047a839171b"
    ),
    "Upgraded(address)": "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b",
    "AdminChanged(address,address)": (
        "0x7e644d79422f17c01e4894b5f4f588d331ebfa28653d42ae832dc59e38c9798f"
    ),
    "BeaconUpgraded(address)": "0x1cf3b03a6cf19fa2baba4df148e9dcabedea7f8a5c07840e207e5c089be95d3e",
}
"""Canonical signature to topic."""

V2_SWAP = SIGNATURES["Swap(address,uint256,uint256,uint256,uint256,address)"]
V2_SYNC = SIGNATURES["Sync(uint112,uint112)"]
V2_MINT = SIGNATURES["Mint(address,uint256,uint256)"]
V2_BURN = SIGNATURES["Burn(address,uint256,uint256,address)"]
PAIR_CREATED = SIGNATURES["PairCreated(address,address,address,uint256)"]
UNISWAP_V3_SWAP = SIGNATURES["Swap(address,address,int256,int256,uint160,uint128,int24)"]
PANCAKE_V3_SWAP = SIGNATURES[
    "Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)"
]
V3_MINT = SIGNATURES["Mint(address,address,int24,int24,uint128,uint256,uint256)"]
V3_BURN = SIGNATURES["Burn(address,int24,int24,uint128,uint256,uint256)"]
V3_COLLECT = SIGNATURES["Collect(address,address,int24,int24,uint128,uint128)"]
TRANSFER = SIGNATURES["Transfer(address,address,uint256)"]
INCREASE_LIQUIDITY = SIGNATURES["IncreaseLiquidity(uint256,uint128,uint256,uint256)"]
DECREASE_LIQUIDITY = SIGNATURES["DecreaseLiquidity(uint256,uint128,uint256,uint256)"]
PAUSED = SIGNATURES["Paused(address)"]

ADMINISTRATIVE = {
    SIGNATURES[signature]: signature.split("(", 1)[0]
    for signature in (
        "Paused(address)",
        "Unpaused(address)",
        "OwnershipTransferred(address,address)",
        "RoleGranted(bytes32,address,address)",
        "RoleRevoked(bytes32,address,address)",
        "Upgraded(address)",
        "AdminChanged(address,address)",
        "BeaconUpgraded(address)",
    )
}
"""Topic to name of the events by which a contract tells that its rules changed."""
