"""`dexwatch check`: everything that can be found wrong without starting anything."""

import errno
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer
from pydantic import ValidationError

from dexwatch.bounded_file import read_file
from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_FINDINGS,
    EXIT_USAGE,
    ConfigOption,
    JsonOption,
    counted,
    emit_json,
    out,
    sentence,
    show_problems,
)
from dexwatch.cli.probing.reach import ports
from dexwatch.cli.terminal import foreign
from dexwatch.daemons import files
from dexwatch.daemons.program import DaemonError
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers import registry as notifiers
from dexwatch.roles.programs import programs
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.expression_checks import LintFinding
from dexwatch.rules.lint import lint
from dexwatch.rules.operator_files import FILE_BYTES_MAX, lint_files, promtool_tests
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rendering import UNKNOWN_RULE_REMEDY, UnknownRuleError, configured
from dexwatch.settings import Problem, Settings, SettingsError, load
from dexwatch.settings.document import read
from dexwatch.settings.exposure import exposed
from dexwatch.settings.named_files import unreadable

PROMTOOL_SECONDS = 120.0
LAST_LINES = 12


def check(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """Find mistakes in the configuration and the rules; nothing is started or contacted."""
    try:
        settings = load(config)
    except SettingsError as error:
        show_problems((*error.problems, *_unknown_rules(config)), as_json=as_json)
        raise typer.Exit(EXIT_USAGE) from None
    findings = (
        *_ports(settings),
        *_routes(settings),
        *_rules(settings),
        *_files(settings),
        *_read_again(settings, config),
    )
    if as_json:
        emit_json({"problems": [asdict(finding) for finding in findings]})
    else:
        _show(settings, findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(EXIT_FINDINGS)


def _unknown_rules(config: Path) -> Iterator[Problem]:
    """Judge the rules' ids, also where the rest of the configuration is no good."""
    try:
        document = read(config, Settings, wanted=lambda _: False)
        configured(ALERTS, RulesConfig.model_validate(document.values.get("rules", {})))
    except (SettingsError, ValidationError):
        return
    except UnknownRuleError as error:
        file, line = document.mark(("rules",))
        yield Problem(file, line, "rules", str(error), UNKNOWN_RULE_REMEDY)


def _read_again(settings: Settings, config: Path) -> Iterator[LintFinding]:
    """What needs the file a second time, which a pipe (`<(...)` of a shell) does not give."""
    if config.is_fifo():
        message = "is a pipe: who can read its files, and its programs' files, are not checked"
        yield LintFinding("pipe", str(config), message, "Check a regular file.", "warning")
        return
    yield from _exposed(settings, config)
    # A program would hang on what is no file, or read without end; it has been told.
    if not any(unreadable(settings)):
        yield from _rendered(settings, config)


def _exposed(settings: Settings, config: Path) -> tuple[LintFinding, ...]:
    """Secrets that others on the machine can read, files that they can change."""
    return tuple(
        LintFinding("exposed", str(problem.file), problem.message, problem.remedy, "warning")
        for problem in exposed(config, settings)
    )


def _ports(settings: Settings) -> Iterator[LintFinding]:
    """Two programs on one port: the second would not start, and its error names neither."""
    users: dict[int, str] = {}
    for setting, port in ports(settings).items():
        if port in users:
            remedy = "Give one of them another port."
            yield LintFinding("ports", setting, f"{users[port]} is {port} too", remedy)
        users.setdefault(port, setting)


def _routes(settings: Settings) -> tuple[LintFinding, ...]:
    """A page that reaches nobody is the worst mistake, so each severity that pages needs a way."""
    routes = notifiers.routes(settings.notify)
    where = ", ".join(f"`notify.{channel.severities}`" for channel in notifiers.NOTIFIERS)
    return tuple(
        LintFinding(
            "no-route",
            "notify",
            f"nobody is told of {severity} ({severity.word}) alerts",
            f"Add the severity to one of {where}.",
            "error" if any(routes.values()) else "warning",
        )
        for severity in (Severity.P0, Severity.P1)
        if not routes[severity]
    )


def _rules(settings: Settings) -> tuple[LintFinding, ...]:
    own = findings_of(*settings.rules.extra_files)
    return (*lint(ALERTS, RECORDING_RULES, config=settings.rules), *own)


def _files(settings: Settings) -> Iterator[LintFinding]:
    """What a role or a program will open only later; rule files are read by their own check."""
    for problem in unreadable(settings):
        if problem.file not in settings.rules.extra_files:
            message = f"{problem.file} {problem.message}"
            yield LintFinding("unreadable", problem.key, message, problem.remedy)


def findings_of(*files: Path) -> Iterator[LintFinding]:
    """Yield what is wrong with an operator's rule files, and which tests beside them fail."""
    texts: dict[str, str] = {}
    for file in files:
        remedy = "correct `rules.extra_files`"
        try:
            texts[str(file)] = read_file(file, FILE_BYTES_MAX).decode()
        except OSError as error:
            remedy = "split the file" if error.errno == errno.EFBIG else remedy
            message = f"cannot be read ({error.strerror})"
            yield LintFinding("unreadable", str(file), message, remedy)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            message = f"line {line} is no UTF-8 text"
            yield LintFinding("unreadable", str(file), message, "save the file as UTF-8")
    found = lint_files(texts)
    yield from found
    unparsed = {finding.place.rpartition(":")[0] for finding in found if finding.check == "yaml"}
    for name in texts:
        if name not in unparsed:
            yield from _judged(Path(name))


def _judged(file: Path) -> Iterator[LintFinding]:
    """Let promtool judge a rule file as Prometheus would load it, and by the tests beside it."""
    promtool = shutil.which("promtool")
    tests = promtool_tests(file)
    if not tests:
        remedy = f"write {file.stem}.test.yml beside it, as `promtool test rules` reads it"
        yield LintFinding("no-tests", str(file), "no test judges its rules", remedy, "warning")
    if promtool is None:
        remedy = "install Prometheus, which brings it"
        message = "neither the file nor its tests are judged: promtool is not here"
        yield LintFinding("not-run", str(file), message, remedy, "warning")
        return
    yield from _run("refused", (promtool, "check", "rules", "--lint=none"), file)
    for test in tests:
        yield from _run("failed-test", (promtool, "test", "rules"), test)


def _run(kind: str, command: tuple[str, ...], file: Path) -> Iterator[LintFinding]:
    try:
        ended = subprocess.run(
            (*command, file.name),
            cwd=file.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROMTOOL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        message = f"promtool takes longer than {PROMTOOL_SECONDS:g} s"
        yield LintFinding("slow-test", str(file), message, "judge a shorter time")
        return
    if ended.returncode != 0:
        said = [line.strip() for line in (ended.stdout + ended.stderr).splitlines()]
        # Its headings say nothing that the place does not.
        told = [line for line in said if line not in {"", "FAILED:", f"Checking {file.name}"}]
        message = f"promtool says: {' '.join(told[-LAST_LINES:])}"
        remedy = "correct what it names" if kind == "refused" else "correct the rule or its test"
        yield LintFinding(kind, str(file), message, remedy)


def _rendered(settings: Settings, config: Path) -> tuple[LintFinding, ...]:
    """Let promtool, amtool and the like judge the files that we would give to the programs."""
    found = []
    # The operator's own rule files and the rules' ids have been judged at their own place.
    ours = settings.rules.model_copy(update={"extra_files": ()})
    # Elsewhere than in the state folder: a check must not leave anything behind.
    with tempfile.TemporaryDirectory(prefix="dexwatch-check-") as folder:
        update = {"folder": Path(folder), "rules": ours}
        try:
            planned = programs(settings.model_copy(update=update), config)
        except UnknownRuleError:
            return ()
        except (DaemonError, ValueError) as error:
            return (LintFinding("config", "rules", str(error), "Correct the `rules` part."),)
        for program in planned:
            if not program.checks or shutil.which(program.checks[0][0]) is None:
                continue
            try:
                files.check(program)
            except DaemonError as error:
                found.append(
                    LintFinding(
                        "rendered",
                        program.name,
                        str(error),
                        "Correct the part that it was made from.",
                    )
                )
    return tuple(found)


def _show(settings: Settings, findings: tuple[LintFinding, ...]) -> None:
    for finding in findings:
        sign = "[red]✗[/]" if finding.level == "error" else "[yellow]![/]"
        out.print(
            f"{sign} [bold]{foreign(finding.place)}[/]  {foreign(finding.message.rstrip('.'))}. "
            f"[dim]{foreign(sentence(finding.remedy))}[/]",
            soft_wrap=True,
        )
    if all(finding.level == "warning" for finding in findings):
        own = len(settings.rules.extra_files)
        yours = f" and {counted(own, 'rule file')} of your own" if own else ""
        out.print(
            f"[green]✓[/] {foreign(settings.name)}: configuration, {len(ALERTS)} alert rules"
            f"{',' if own else ' and'} {len(RECORDING_RULES)} recording rules{yours} are sound.",
            soft_wrap=True,
        )
