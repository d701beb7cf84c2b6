"""The topic table is what keccak says it is."""

import pytest
from eth_utils.crypto import keccak

from dexwatch.evm import topics


@pytest.mark.parametrize("signature", sorted(topics.SIGNATURES))
def test_a_topic_is_the_hash_of_its_signature(signature: str) -> None:
    assert topics.SIGNATURES[signature] == "0x" + keccak(text=signature).hex()
