# pragma version ~=0.4.3
"""
@title Farm: stake one token, earn another by the second
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

event Staked:
    user: indexed(address)
    amount: uint256

event Unstaked:
    user: indexed(address)
    amount: uint256

event Harvested:
    user: indexed(address)
    amount: uint256

SCALE: constant(uint256) = 10**18

stakeToken: public(address)
rewardToken: public(address)
rewardPerSecond: public(uint256)
totalStaked: public(uint256)
staked: public(HashMap[address, uint256])
# Reward earned by one staked unit since the start, times SCALE, and what was settled of it.
earnedPerUnit: uint256
settledAt: uint256
settledPerUnit: HashMap[address, uint256]
owed: HashMap[address, uint256]


@deploy
def __init__(guardian: address, stakeToken: address, rewardToken: address, rewardPerSecond: uint256):
    Guarded.__init__(guardian)
    self.stakeToken = stakeToken
    self.rewardToken = rewardToken
    self.rewardPerSecond = rewardPerSecond
    self.settledAt = block.timestamp


@internal
def _settle(user: address):
    if self.totalStaked > 0:
        earned: uint256 = (block.timestamp - self.settledAt) * self.rewardPerSecond
        self.earnedPerUnit += earned * SCALE // self.totalStaked
    self.settledAt = block.timestamp
    grown: uint256 = self.earnedPerUnit - self.settledPerUnit[user]
    self.owed[user] += self.staked[user] * grown // SCALE
    self.settledPerUnit[user] = self.earnedPerUnit


@external
def stake(amount: uint256):
    Guarded._open_for(msg.sender)
    assert amount > 0, "nothing to stake"
    self._settle(msg.sender)
    self.staked[msg.sender] += amount
    self.totalStaked += amount
    extcall IERC20(self.stakeToken).transferFrom(msg.sender, self, amount)
    log Staked(user=msg.sender, amount=amount)


@external
def unstake(amount: uint256):
    Guarded._open_for(msg.sender)
    self._settle(msg.sender)
    assert amount <= self.staked[msg.sender], "more than staked"
    self.staked[msg.sender] -= amount
    self.totalStaked -= amount
    extcall IERC20(self.stakeToken).transfer(msg.sender, amount)
    log Unstaked(user=msg.sender, amount=amount)


@external
def harvest() -> uint256:
    Guarded._open_for(msg.sender)
    self._settle(msg.sender)
    amount: uint256 = self.owed[msg.sender]
    self.owed[msg.sender] = 0
    extcall IERC20(self.rewardToken).transfer(msg.sender, amount)
    log Harvested(user=msg.sender, amount=amount)
    return amount
