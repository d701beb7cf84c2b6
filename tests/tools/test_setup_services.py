"""Packages are installed without their services, and nothing else of the machine changes."""

from pathlib import Path

import pytest

from tools.setup import services
from tools.setup.services import Machine, finish_interrupted, kept_quiet


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A system folder with one service of its own and one init script."""
    for folder in ("etc/systemd/system/multi-user.target.wants", "etc/rc2.d", "usr/sbin"):
        (tmp_path / folder).mkdir(parents=True)
    enable(tmp_path, "cron.service")
    (tmp_path / "etc/rc2.d/S01cron").symlink_to("../init.d/cron")
    return Machine(tmp_path)


def enable(root: Path, unit: str) -> Path:
    link = root / "etc/systemd/system/multi-user.target.wants" / unit
    link.symlink_to(f"/lib/systemd/system/{unit}")
    return link


def contents(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_what_a_package_enables_is_disabled_and_the_rest_stays(machine: Machine) -> None:
    before = machine.enabled()
    with kept_quiet(machine):
        enable(machine.root, "nginx.service")
        (machine.root / "etc/systemd/system/redis.service").symlink_to("/lib/redis")
        (machine.root / "etc/rc2.d/S02nginx").symlink_to("../init.d/nginx")
    assert machine.enabled() == before
    assert (machine.root / "etc/rc2.d/K01nginx").is_symlink(), "update-rc.d calls this disabled"


def test_starting_and_default_clusters_are_forbidden_only_meanwhile(machine: Machine) -> None:
    before = contents(machine.root)
    with kept_quiet(machine):
        assert "exit 101" in machine.policy.read_text()
        assert machine.policy.stat().st_mode & 0o111
        assert "create_main_cluster = false" in machine.cluster_settings.read_text()
    assert contents(machine.root) == before
    assert not machine.cluster_settings.parent.exists()


def test_a_policy_of_the_machine_itself_is_respected_and_kept(machine: Machine) -> None:
    machine.policy.write_text("#!/bin/sh\nexit 0\n")
    with kept_quiet(machine):
        assert "exit 0" in machine.policy.read_text()
    assert machine.policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_failed_installation_restores_too(machine: Machine) -> None:
    before = contents(machine.root)

    def install() -> None:
        with kept_quiet(machine):
            enable(machine.root, "nginx.service")
            raise RuntimeError("apt-get failed")

    with pytest.raises(RuntimeError):
        install()
    assert contents(machine.root) == before


def test_a_killed_installation_is_finished_by_the_next_run(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(machine.root)
    with monkeypatch.context() as killed:
        killed.setattr(services, "_restore", lambda *_: None)
        with kept_quiet(machine):
            link = enable(machine.root, "nginx.service")
    assert link.is_symlink()
    finish_interrupted(machine)
    assert contents(machine.root) == before


def test_a_damaged_journal_is_told_and_harmless(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.journal.parent.mkdir(parents=True)
    machine.journal.write_text("{")
    before = machine.enabled()
    finish_interrupted(machine)
    assert machine.enabled() == before
    assert "run this once as root" in capsys.readouterr().out
