//! The program `kiln-papers` as its users run it: killed and started again, in shards, without data, wrongly called.
//! The variable `KILN_PAPERS` names the binary; `cargo xtask test` sets it.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::read;

const PAPER: &str = "local-graph-clustering";

/// An empty folder in which the program finds no data but its own.
struct Place {
    program: OsString,
    folder: tempfile::TempDir,
}

impl Place {
    /// `None`, with a word, when there is no program to test.
    fn new() -> Option<Self> {
        let Some(program) = std::env::var_os("KILN_PAPERS") else {
            eprintln!("skipped: KILN_PAPERS is not set; `cargo xtask test --only tests` sets it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        for name in ["data", "cache"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Some(Self { program, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("KILN_DATA", self.path("data"))
            .env("KILN_CACHE", self.path("cache"))
            .env_remove("KILN_REQUIRE_DATA")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs to the end with few seeds, whose verdicts do not matter, and gives what it said on the way.
    fn reproduce(&self, out: &str, more: &[&str]) -> String {
        let output = self.run(&[&["reproduce", PAPER, "--seeds", "3", "--out", out], more].concat());
        let said = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}: {said}", output.status);
        said
    }

    fn report(&self, out: &str) -> Value {
        serde_json::from_str(&read(&self.path(out).join("report.json"))).unwrap()
    }

    /// The report without times and without the command line.
    fn timeless(&self, out: &str) -> Value {
        fn strip(value: &mut Value) {
            match value {
                Value::Object(fields) => {
                    let changes = ["seconds", "created", "started", "elapsed", "arguments"];
                    fields.retain(|name, _| !changes.contains(&name.as_str()));
                    fields.values_mut().for_each(strip);
                }
                Value::Array(items) => items.iter_mut().for_each(strip),
                _ => {}
            }
        }
        let mut report = self.report(out);
        strip(&mut report);
        report
    }

    /// The complete checkpoints below OUT. A running program moves and removes some meanwhile.
    fn checkpoints(&self, out: &str) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        let mut folders = vec![self.path(out).join("checkpoints")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "checkpoint") {
                    files.insert(path);
                }
            }
        }
        files
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The elements of a JSON array.
fn items(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a string")
}

#[test]
fn killed_split_and_serial_runs_give_the_same_report() {
    let Some(place) = Place::new() else { return };
    place.reproduce("whole", &["--jobs", "2"]);
    let whole = place.timeless("whole");
    let experiments = items(&whole["papers"][0]["experiments"]).len();

    // A finished experiment leaves one file, of the same name everywhere; any other file is a step.
    let finished = place.checkpoints("whole");
    assert_eq!(finished.len(), experiments);
    let name_of_finished = finished.first().unwrap().file_name().unwrap().to_owned();
    assert!(finished.iter().all(|path| path.file_name() == Some(&name_of_finished)));

    // Kills after the first new checkpoint, the second, the fourth.
    for new in [1, 2, 4] {
        let before = place.checkpoints("killed");
        let mut child = place
            .command(&["reproduce", PAPER, "--seeds", "3", "--jobs", "2", "--out", "killed"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut seen = BTreeSet::new();
        while seen.len() < new {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before it could be killed: too little is left to do");
            seen.extend(place.checkpoints("killed").difference(&before).cloned());
            std::thread::sleep(Duration::from_millis(1));
        }
        // SIGKILL on Unix: nothing of the program runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!place.path("killed/report.json").exists());
    let kept = place.checkpoints("killed");
    let (kept_whole, kept_steps): (Vec<_>, Vec<_>) =
        kept.iter().partition(|path| path.file_name() == Some(&name_of_finished));
    let kept_steps = kept_steps.iter().filter(|step| !kept.contains(&step.with_file_name(&name_of_finished)));
    let said = place.reproduce("killed", &["--jobs", "2"]);
    let steps_restored: usize = said
        .lines()
        .filter_map(|line| {
            line.split_once(" restored, which took")?.0.rsplit(' ').nth(1)?.parse::<usize>().ok()
        })
        .sum();
    assert_eq!(steps_restored, kept_steps.count(), "{said}");
    assert_eq!(said.matches(": restored, took").count(), kept_whole.len(), "{said}");
    assert!(!kept.is_empty());
    assert_eq!(place.timeless("killed"), whole);
    assert_eq!(place.checkpoints("killed").len(), experiments, "steps are removed in the end");

    for shard in ["1/3", "2/3", "3/3"] {
        place.reproduce(&format!("shard-{shard}").replace('/', "-"), &["--shard", shard]);
    }
    let merge = place.run(&["merge", "shard-1-3", "shard-2-3", "shard-3-3", "--out", "merged"]);
    assert!(matches!(merge.status.code(), Some(0 | 1)), "{}", text(&merge.stderr));
    assert_eq!(place.timeless("merged"), whole);
    let incomplete = place.run(&["merge", "shard-1-3", "shard-3-3", "--out", "incomplete"]);
    assert_eq!(incomplete.status.code(), Some(2));
    assert!(text(&incomplete.stderr).contains(PAPER), "the missing experiments are named");

    place.reproduce("serial", &["--jobs", "1"]);
    assert_eq!(place.timeless("serial"), whole);
}

#[test]
fn without_data_claims_say_what_they_need_and_the_rest_is_reproduced() {
    let Some(place) = Place::new() else { return };
    let run = place.run(&["reproduce", PAPER, "--scale", "quick", "--out", "out"]);
    assert_eq!(run.status.code(), Some(0), "{}{}", text(&run.stdout), text(&run.stderr));
    let report = place.report("out");
    let paper = &report["papers"][0];
    let verdict = |claim: &Value| string(&claim["verdict"]["kind"]).to_owned();

    let claims = items(&paper["claims"]);
    let claims_with = |kind: &str| -> Vec<&str> {
        claims.iter().filter(|claim| verdict(claim) == kind).map(|claim| string(&claim["id"])).collect()
    };
    assert!(!claims_with("needs-data").is_empty() && !claims_with("reproduced").is_empty());
    let others = ["needs-data", "not-attempted", "skipped", "reproduced"].map(|kind| claims_with(kind).len());
    assert_eq!(others.iter().sum::<usize>(), claims.len());
    for claim in claims.iter().filter(|claim| verdict(claim) == "needs-data") {
        let (id, hint) = (string(&claim["id"]), string(&claim["verdict"]["where"]));
        assert!(hint.contains("`cargo xtask data "), "{id}: {hint}");
    }
    let mut read_names = BTreeSet::new();
    for used in items(&paper["experiments"]).iter().flat_map(|experiment| items(&experiment["data"])) {
        assert_eq!(used["route"], "embedded", "{used}");
        read_names.insert(string(&used["name"]).to_owned());
    }
    for name in ["karate.edges", "karate.nodes", "football.edges", "football.nodes"] {
        assert!(
            read_names.contains(&format!("graph-labelled/{name}.tsv")),
            "{name} is not in {read_names:?}"
        );
    }

    let listed = |out: &str| {
        let list = place.run(&["list", PAPER, "--out", out]);
        assert_eq!(list.status.code(), Some(0));
        text(&list.stdout)
    };
    let (before, after) = (listed("elsewhere"), listed("out"));
    let rows = |list: &str| -> Vec<(String, String)> {
        let table = list.lines().filter(|line| line.starts_with('│'));
        let cells = table.map(|line| line.trim_matches(['│', ' ']).split('┆').map(str::trim));
        cells
            .filter_map(|cells| {
                let cells: Vec<_> = cells.collect();
                let (id, last) = (cells.first()?, cells.last()?);
                (cells.len() == 5 && !id.is_empty() && *id != "claim").then(|| ((*id).into(), (*last).into()))
            })
            .collect()
    };
    let expected = |words: fn(&Value) -> String| -> Vec<(String, String)> {
        claims.iter().map(|claim| (string(&claim["id"]).to_owned(), words(claim))).collect()
    };
    let words = |claim: &Value| match string(&claim["verdict"]["kind"]) {
        "skipped" => "skipped at this scale".to_owned(),
        kind => kind.replace('-', " "),
    };
    let not_run = |claim: &Value| match string(&claim["verdict"]["kind"]) {
        "not-attempted" => "not attempted".to_owned(),
        _ => "not run".to_owned(),
    };
    assert_eq!(rows(&before), expected(not_run));
    let first_words = |rows: Vec<(String, String)>| -> Vec<(String, String)> {
        // A verdict of several words goes over several lines, of which a row is the first.
        rows.into_iter()
            .map(|(id, words)| (id, words.split(' ').next().unwrap_or_default().to_owned()))
            .collect()
    };
    assert_eq!(first_words(rows(&after)), first_words(expected(words)));

    let page = read(&place.path("out/report.html"));
    assert!(page.contains("<meta name=\"viewport\" content=\"width=device-width"));
    assert!(page.contains("prefers-color-scheme: dark"));
    for claim in claims {
        assert!(page.contains(&format!("id=\"{PAPER}-{}\"", string(&claim["id"]))));
    }
    assert_eq!(loads(&page), Vec::<String>::new());
}

/// Whatever makes a browser load something else than the page itself.
fn loads(page: &str) -> Vec<String> {
    let tags = page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let loading = |tag: &&str| {
        let name = tag.split_whitespace().next().unwrap_or_default();
        let is_loader =
            matches!(name, "link" | "img" | "image" | "iframe" | "object" | "embed" | "base" | "source");
        let attributes = [" src=", " srcset=", " data=", " background=", "url("];
        let has_address = attributes.iter().any(|attribute| tag.contains(attribute));
        // A link, or within a picture the place of another.
        let is_no_link = tag.contains("href=") && name != "a" && !tag.contains("href=\"#");
        is_loader || has_address || is_no_link
    };
    let mut found: Vec<_> = tags.filter(loading).map(str::to_owned).collect();
    found.extend(["@import", "url("].iter().filter(|word| page.contains(**word)).map(ToString::to_string));
    found
}

#[test]
fn loads_are_found() {
    assert_eq!(
        loads("<p>x</p><a href=\"https://example.org\">x</a><style>a{}</style>"),
        Vec::<String>::new()
    );
    for bad in [
        "<script src=\"https://example.org/x.js\"></script>",
        "<link rel=\"stylesheet\" href=\"x.css\">",
        "<svg><use href=\"x.svg#a\"/></svg>",
        "<td background=\"x.png\">",
        "<style>@import 'x.css';</style>",
        "<style>a{background:url(https://example.org/x)}</style>",
    ] {
        assert!(!loads(bad).is_empty(), "{bad}");
    }
}

#[test]
fn wrong_arguments_exit_with_2_and_say_what_is_known() {
    let Some(place) = Place::new() else { return };
    let cases: &[(&[&str], &str)] = &[
        (&["reproduce", "no-such-paper"], "local-graph-clustering (graph)"),
        (&["reproduce", "local-graph-clusterin"], "did you mean \"local-graph-clustering\"?"),
        (&["reproduce", "--no-such-flag"], "--no-such-flag"),
        (&["reproduce", PAPER, "--scale", "huge"], "quick, full"),
        (&["reproduce", PAPER, "--jobs", "0"], "--jobs"),
        (&["reproduce", PAPER, "--shard", "4/3"], "1 <= I <= N"),
        (&["reproduce", PAPER, "--device", "toaster"], "flex"),
        (&["data", "get", "no-such-data"], "data list"),
        (&["merge", "no-such-folder"], "no-such-folder"),
        (&["no-such-command"], "no-such-command"),
        (&[], "reproduce"),
    ];
    for (arguments, words) in cases {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stdout).is_empty(), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert!(!place.path("target").exists(), "nothing was run");
}

#[test]
fn an_out_that_cannot_be_written_is_named() {
    let Some(place) = Place::new() else { return };
    fs::write(place.path("file"), "").unwrap();
    let output = place.run(&["reproduce", PAPER, "--out", "file"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("file"), "{}", text(&output.stderr));
}
