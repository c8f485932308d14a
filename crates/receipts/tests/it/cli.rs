//! The program of the example `halving` as its users run it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Cargo builds examples with tests, into a folder beside them.
fn halving(folder: &Path) -> Command {
    let tests = std::env::current_exe().unwrap();
    let program = tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/halving")
        .with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.is_file(), "build the examples too: there is no {}", program.display());
    let mut command = Command::new(program);
    command.current_dir(folder).env_remove("COLUMNS").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    halving(folder).args(arguments).output().unwrap()
}

fn report(folder: &Path, out: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join(out).join("report.json")).unwrap()).unwrap()
}

#[test]
fn a_paper_of_ones_own_is_reproduced() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), &["reproduce", "--seeds", "8", "--jobs", "1"]);
    assert_eq!(done.status.code(), Some(0), "{}{}", text(&done.stdout), text(&done.stderr));
    let report = report(folder.path(), "target/reproduce");
    assert_eq!(report["summary"]["reproduced"], 1);
    assert_eq!(report["program"]["arguments"][0], "reproduce");
    assert_eq!(report["settings"]["device"], "cpu");
    assert_eq!(report["papers"][0]["experiments"][0]["seeds"], 8);
    let list = text(&run(folder.path(), &["list", "square-roots"]).stdout);
    assert!(list.contains("N1") && list.contains("reproduced"), "{list}");
}

#[test]
fn pages_get_the_tables_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), &["reproduce", "--seeds", "6"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let place = |name: &str| format!("<!-- table {name} -->\nold\n<!-- /table -->\n");
    let page = folder.path().join("page.md");
    let status = |arguments: &[&str]| {
        let done = run(folder.path(), &[&["tables", "page.md"], arguments].concat());
        (done.status.code(), text(&done.stderr))
    };
    fs::write(&page, place("verdicts/square-roots")).unwrap();
    let (code, said) = status(&["--check"]);
    assert!(code == Some(1) && said.contains("page.md: it does not have the tables"), "{said}");
    assert_eq!(status(&[]).0, Some(0));
    assert_eq!(status(&["--check"]), (Some(0), String::new()));
    fs::write(&page, place("verdicts/circles") + &place("verdicts/square-roots")).unwrap();
    let (code, said) = status(&[]);
    assert!(code == Some(0) && said.contains("no table verdicts/circles"), "{said}");
    let filled = fs::read_to_string(&page).unwrap();
    assert!(filled.starts_with(&place("verdicts/circles")) && filled.contains("| N1 |"), "{filled}");
    assert_eq!(status(&["--check"]).0, Some(1), "a table is missing");
}

#[test]
fn the_list_for_programs_names_papers_claims_and_terms() {
    let folder = tempfile::tempdir().unwrap();
    let list: Value = serde_json::from_slice(&run(folder.path(), &["list", "--json"]).stdout).unwrap();
    let (paper, claim) = (&list[0], &list[0]["claims"][0]);
    assert_eq!((&paper["id"], &paper["domain"]), (&"square-roots".into(), &"arithmetic".into()));
    assert_eq!(
        (&claim["id"], &claim["terms"], &claim["place"]),
        (&"N1".into(), &"exact".into(), &"Section 2".into())
    );
    assert_eq!(claim["checks"][0]["wanted"], "mean ratio ≥ 1000");
}

#[test]
fn wrong_arguments_are_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["reproduce", "square-root"], "did you mean \"square-roots\"?"),
        (&["list", "arithmetics"], "did you mean \"arithmetic\"?"),
        (&["reproduce", "--device", "wgpu"], "possible values: cpu"),
        (&["reproduce", "--shard", "3/2"], "1 <= I <= N"),
        (&["reproduce", "--baseline", "no-such-file"], "no-such-file"),
        (&["merge", "no-such-folder"], "no-such-folder"),
    ];
    for (arguments, words) in cases {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
    assert!(!folder.path().join("target").exists());
}

#[test]
fn shards_are_joined_and_compared_with_a_baseline() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["1/2", "2/2"] {
        let out = part.replace('/', "-");
        let done = run(folder.path(), &["reproduce", "--seeds", "6", "--shard", part, "--out", &out]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    }
    // Four seeds decide nothing, which only at full scale is a finding.
    let few = run(folder.path(), &["reproduce", "--seeds", "4", "--out", "few", "--scale", "full"]);
    assert_eq!(few.status.code(), Some(1), "{}", text(&few.stdout));
    let few = run(folder.path(), &["reproduce", "--seeds", "4", "--out", "few"]);
    assert_eq!(few.status.code(), Some(0), "{}", text(&few.stderr));
    assert_eq!(report(folder.path(), "few")["summary"]["skipped"], 1);
    let done =
        run(folder.path(), &["merge", "1-2", "2-2", "--out", "whole", "--baseline", "few/report.json"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(report(folder.path(), "whole")["summary"]["reproduced"], 1);
    let changes = fs::read_to_string(folder.path().join("whole/report.md")).unwrap();
    let row = "| square-roots | N1 | skipped at this scale (exact) | reproduced (exact) |";
    assert!(changes.contains(row), "{changes}");
    let missing = run(folder.path(), &["merge", "2-2", "--out", "part"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("square-roots/five-steps"));
}

#[test]
fn forty_columns_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["list"][..], &["reproduce", "--seeds", "6", "--out", "out"]] {
        let output = halving(folder.path()).args(arguments).env("COLUMNS", "40").output().unwrap();
        let output = text(&output.stdout);
        assert!(output.contains("N1") && output.contains("Section 2"), "{output}");
        for line in output.lines() {
            assert!(line.chars().count() <= 40, "{line:?} in {output}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["list"][..], &["list", "--json"], &["reproduce", "--seeds", "6"]] {
        let mut child = halving(folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    }
}

/// The files of the example, with a line changed in one of them.
fn files(folder: &Path, file: &str, from: &str, to: &str) -> Vec<PathBuf> {
    let example = kiln_tests::root().join("crates/receipts/examples/judge");
    let copy = |name: &str| {
        let mut content = fs::read_to_string(example.join(name)).unwrap();
        if name == file {
            assert!(content.contains(from), "{from} is not in {name}");
            content = content.replacen(from, to, 1);
        }
        fs::write(folder.join(name), content).unwrap();
        PathBuf::from(name)
    };
    ["claims.toml", "observations.jsonl"].map(copy).to_vec()
}

fn judge(folder: &Path, files: &[PathBuf]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_receipts"));
    command.arg("judge").args(files).args(["--out", "out"]).current_dir(folder).output().unwrap()
}

#[test]
fn files_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let done = judge(folder.path(), &files(folder.path(), "", "", ""));
    assert_eq!(done.status.code(), Some(0), "{}{}", text(&done.stdout), text(&done.stderr));
    let report = report(folder.path(), "out");
    let kinds: Vec<_> = (0..3).map(|i| report["papers"][0]["claims"][i]["verdict"]["kind"].clone()).collect();
    assert_eq!(kinds, ["reproduced", "reproduced", "not-attempted"]);
    let claims = &report["papers"][0]["claims"];
    assert_eq!(claims[1]["checks"][0]["groups"].as_array().unwrap().len(), 2);
    assert_eq!(claims[0]["data"][0]["rows"], 16);
    assert_eq!(claims[2]["terms"], "", "what is not attempted has no terms");
    assert!(fs::read_to_string(folder.path().join("out/report.html")).unwrap().contains("N3"));
}

/// As Notepad and PowerShell write files.
#[test]
fn a_byte_order_mark_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), "", "", "");
    for name in &files {
        let path = folder.path().join(name);
        fs::write(&path, "\u{feff}".to_owned() + &fs::read_to_string(&path).unwrap()).unwrap();
    }
    let done = judge(folder.path(), &files);
    assert_eq!(done.status.code(), Some(0), "{}{}", text(&done.stdout), text(&done.stderr));
    assert_eq!(report(folder.path(), "out")["papers"][0]["claims"][0]["data"][0]["rows"], 16);
}

#[test]
fn what_fails_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let done =
        judge(folder.path(), &files(folder.path(), "claims.toml", "at-least = 1e3", "at-least = 1e30"));
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stdout).contains("NOT as expected: N1 of square-roots"), "{}", text(&done.stdout));
    let expects = "at-least = 1e30\nexpected = { low = 1e3, high = 1e20, why = \"so it is\" }";
    let done = judge(folder.path(), &files(folder.path(), "claims.toml", "at-least = 1e3", expects));
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stdout));
}

#[test]
fn mistakes_in_files_are_named_with_their_line() {
    let ratio = "{\"check\": \"error, halving / Newton\", \"seed\": 0, \"value\": [";
    let cases = [
        ("claims.toml", "id = \"N1\"", "id = N1", "claims.toml, line 9: "),
        ("claims.toml", "says = \"After", "said = \"After", "line 11: unknown field `said`"),
        ("claims.toml", "at-least = 1e3", "at-least = \"much\"", "line 18: "),
        (
            "claims.toml",
            "at-least = 1e3",
            "",
            "line 16: check \"error, halving / Newton\": a check has either",
        ),
        ("claims.toml", "at-least = 1e3", "at-least = 1e3\nbelow = 9", "line 16: "),
        ("claims.toml", "at-least = 1e3", "at-least = -1", "line 16: "),
        ("claims.toml", "\"ratio\"", "\"geometric\"", "line 17: unknown variant `geometric`"),
        ("claims.toml", "id = \"N2\"", "id = \"N1\"", "line 23: "),
        ("claims.toml", "id = \"square-roots\"", "id = \"Square Roots\"", "line 2: "),
        ("claims.toml", "not-attempted = \"it takes a library for long numbers\"", "", "line 35: "),
        (
            "observations.jsonl",
            "\"converged\"",
            "\"convergd\"",
            "line 9: no claim has a check \"convergd\"; did you mean \"converged\"?",
        ),
        (
            "observations.jsonl",
            ratio,
            &format!("{ratio}1.0, "),
            "line 1: an observation of \"error, halving / Newton\" has 3 numbers, its rule takes 2",
        ),
        (
            "observations.jsonl",
            ratio,
            &format!("{ratio}NaN, "),
            "observations.jsonl, line 1: this is no JSON, at its column",
        ),
        ("observations.jsonl", "\"value\": true", "\"valeu\": true", "line 9: unknown field `valeu`"),
        ("observations.jsonl", "\"value\": true", "\"value\": \"yes\"", "line 9: value must be"),
    ];
    for (file, from, to, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        let done = judge(folder.path(), &files(folder.path(), file, from, to));
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{to}: {said}");
        assert!(said.contains(file) && said.contains(words), "{to}: {said}");
        assert!(!folder.path().join("out").exists(), "{to}");
    }
    let folder = tempfile::tempdir().unwrap();
    let done = judge(folder.path(), &["nowhere.toml".into(), "nowhere.jsonl".into()]);
    assert!(text(&done.stderr).contains("nowhere.toml: "), "{}", text(&done.stderr));
    // A check that nobody observed is an error of its claim, not of the files.
    let files = files(folder.path(), "", "", "");
    fs::write(folder.path().join("observations.jsonl"), "").unwrap();
    let done = judge(folder.path(), &files);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stdout).contains("nothing was observed"), "{}", text(&done.stdout));
}
