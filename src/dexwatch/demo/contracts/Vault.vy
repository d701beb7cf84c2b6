# pragma version ~=0.4.3
"""
@title Vault: keeps the users' tokens
@notice What the vault holds of a token is never less than what it owes: `total`.
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

event Deposited:
    user: indexed(address)
    token: indexed(address)
    amount: uint256

event Withdrawn:
    user: indexed(address)
    token: indexed(address)
    amount: uint256

total: public(HashMap[address, uint256])
held: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(guardian: address):
    Guarded.__init__(guardian)


@external
def deposit(token: address, amount: uint256):
    Guarded._open_for(msg.sender)
    assert amount > 0, "nothing to deposit"
    self.held[token][msg.sender] += amount
    self.total[token] += amount
    extcall IERC20(token).transferFrom(msg.sender, self, amount)
    log Deposited(user=msg.sender, token=token, amount=amount)


@external
def withdraw(token: address, amount: uint256):
    Guarded._open_for(msg.sender)
    assert amount <= self.held[token][msg.sender], "more than held"
    self.held[token][msg.sender] -= amount
    self.total[token] -= amount
    extcall IERC20(token).transfer(msg.sender, amount)
    log Withdrawn(user=msg.sender, token=token, amount=amount)
