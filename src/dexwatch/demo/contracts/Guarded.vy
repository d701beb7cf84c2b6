# pragma version ~=0.4.3
"""
@title Guarded: owner, guardian, pause and block-list
@notice A module for the platform's contracts.
        The guardian can pause and block in an emergency but can never undo either:
        a stolen guardian key can stop the platform, not open it.
        The events of pausing and of ownership are those of OpenZeppelin's contracts.
"""

event Paused:
    account: address

event Unpaused:
    account: address

event OwnershipTransferred:
    previousOwner: indexed(address)
    newOwner: indexed(address)

event GuardianChanged:
    previousGuardian: indexed(address)
    newGuardian: indexed(address)

event Blocked:
    account: indexed(address)

event Unblocked:
    account: indexed(address)

owner: public(address)
guardian: public(address)
paused: public(bool)
blocked: public(HashMap[address, bool])


@deploy
def __init__(guardian: address):
    self.owner = msg.sender
    self.guardian = guardian
    log OwnershipTransferred(previousOwner=empty(address), newOwner=msg.sender)
    log GuardianChanged(previousGuardian=empty(address), newGuardian=guardian)


@internal
def _only_owner():
    assert msg.sender == self.owner, "not the owner"


@internal
def _only_watch():
    assert msg.sender == self.guardian or msg.sender == self.owner, "not the guardian"


@internal
def _open_for(account: address):
    assert not self.paused, "paused"
    assert not self.blocked[account], "blocked"


@external
def pause():
    self._only_watch()
    assert not self.paused, "paused"
    self.paused = True
    log Paused(account=msg.sender)


@external
def unpause():
    self._only_owner()
    assert self.paused, "not paused"
    self.paused = False
    log Unpaused(account=msg.sender)


@external
def blockAccount(account: address):
    self._only_watch()
    self.blocked[account] = True
    log Blocked(account=account)


@external
def unblockAccount(account: address):
    self._only_owner()
    self.blocked[account] = False
    log Unblocked(account=account)


@external
def setGuardian(guardian: address):
    self._only_owner()
    log GuardianChanged(previousGuardian=self.guardian, newGuardian=guardian)
    self.guardian = guardian


@external
def transferOwnership(owner: address):
    self._only_owner()
    assert owner != empty(address), "no owner"
    log OwnershipTransferred(previousOwner=self.owner, newOwner=owner)
    self.owner = owner
