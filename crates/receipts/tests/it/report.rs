//! The reports say what was found, and survive being written and read.

use std::{fs, process::Command, sync::Arc};

use kiln_datasets::DataPath;
use kiln_receipts::{
    Check, Context, ExperimentError, Recorder, Runs, Scale, Table,
    provenance::{Machine, Program},
    report::{
        Html, Links, Markdown, Report, Summary, SummaryTable,
        pages::{OpenPlace, fill},
    },
    run::{Options, run},
    verdict::Verdict,
};

use crate::fixture::{VALUE, VERDICTS, one_experiment, options, program};

fn report() -> (tempfile::TempDir, Report) {
    let folder = tempfile::tempdir().unwrap();
    let report = run(&[VERDICTS], &options(folder.path())).unwrap();
    report.write(folder.path()).unwrap();
    (folder, report)
}

#[test]
fn counts_every_verdict() {
    let (_, report) = report();
    let expected = Summary {
        reproduced: 2,
        contradicted: 1,
        not_shown: 1,
        undecided: 1,
        not_attempted: 1,
        needs_data: 1,
        needs_gpu: 1,
        skipped: 1,
        ..Summary::default()
    };
    assert_eq!(report.summary, expected);
    assert_eq!(report.exit_status(), 0, "all that does not hold is expected");
    let claim = |id: &str| report.papers[0].claims.iter().find(|claim| claim.id == id).unwrap();
    let measured = &claim("A").checks[1].groups[0];
    assert_eq!((measured.count, measured.estimate.to_string()), (5, "0.3".to_owned()));
    assert_eq!((claim("A").seeds, claim("A").data[0].rows), (4, 78));
    let remarks = |id: &str| claim(id).remarks().join("; ");
    assert_eq!(remarks("B"), "Ruled out: other seeds; failing value, as expected: so it is in theirs");
    assert!(remarks("G").contains("it takes 512 GPUs"));
    assert!(remarks("H").contains("says nothing against the paper"));
}

#[test]
fn what_is_not_as_expected_is_said_and_counted() {
    let (folder, _) = report();
    let full = Options { scale: Scale::Full, ..options(folder.path()) };
    let report = run(&[VERDICTS], &full).unwrap();
    let of_quick_scale = report.papers[0].claims.iter().filter(|claim| claim.is_a_surprise());
    assert_eq!(of_quick_scale.map(|claim| claim.id.as_str()).collect::<Vec<_>>(), ["B", "H", "I"]);
    assert_eq!(report.summary.surprises, 3);
    assert_eq!(report.exit_status(), 2, "E has nothing to judge at full scale, which is an error");
    assert!(SummaryTable(&report).to_string().contains("NOT as expected: B of verdicts"));
}

#[test]
fn json_round_trip() {
    let (folder, report) = report();
    // Compared as JSON: a figure holds NaN, which is not equal to itself.
    let read = Report::read(folder.path()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&report).unwrap());
}

#[test]
fn another_schema_version_is_refused() {
    let (folder, report) = report();
    let mut value = serde_json::to_value(&report).unwrap();
    value["schema_version"] = 1.into();
    fs::write(folder.path().join("report.json"), value.to_string()).unwrap();
    let error = Report::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("schema version 1"), "{error}");
}

#[test]
fn html_is_escaped_and_self_contained() {
    let page = Html(&report().1).to_string();
    for raw in ["<b>", "<verdicts>", "<script>", "<kind>", "<table>", "<n>", "<i>", "src=", "@import", "url("]
    {
        let found = page.match_indices(raw).count();
        // The page's own script is the only one.
        assert_eq!(found, usize::from(raw == "<script>"), "{raw} is in the page");
    }
    for escaped in [
        "&lt;b&gt;&quot;this&quot;&lt;/b&gt; &amp; &#39;that&#39;",
        "?a=1&amp;b=2",
        "aria-label=\"Every &lt;kind&gt;",
    ] {
        assert!(page.contains(escaped), "{escaped} is not in the page");
    }
    assert!(page.contains("name=\"viewport\"") && page.contains("prefers-color-scheme"));
}

/// What the page promises: a cell, an anchor and the words for each claim, and values on figures.
#[test]
fn html_has_a_cell_and_an_anchor_for_each_claim() {
    let report = settled();
    let page = Html(&report).to_string();
    for claim in &report.papers[0].claims {
        let (id, words) = (&claim.id, claim.verdict.words());
        assert_eq!(
            page.matches(&format!("href=\"#verdicts-{id}\" title=\"{id}: {words}")).count(),
            1,
            "{id}"
        );
        assert_eq!(page.matches(&format!("<tbody id=\"verdicts-{id}\"")).count(), 1, "{id}");
    }
    assert!(page.contains("<title>line and points: 3.981, 1</title>"), "a point says its values");
    assert!(page.contains("<title>l1: football, 0.8</title>"));
    assert!(page.contains("href=\"figures/verdicts-pictures-bars.csv\" download"));
    assert!(page.contains("All is as expected."));
    assert!(!page.contains("About it"), "an unpublished paper has no links");
    let links = Links { page: "docs/{id}.md".to_owned(), source: "src/{module}".to_owned() };
    let mut published = Report { links, ..report };
    published.program.repository = "https://example.org/r".to_owned();
    let page = Html(&published).to_string();
    let commit = published.program.commit.unwrap();
    assert!(page.contains(&format!("https://example.org/r/blob/{commit}/docs/verdicts.md")));
    assert!(page.contains(&format!("https://example.org/r/tree/{commit}/src/verdicts")));
}

#[test]
fn numbers_of_figures_lie_beside_the_report() {
    let (folder, report) = report();
    let csv = fs::read_to_string(folder.path().join("figures/verdicts-pictures-bars.csv")).unwrap();
    assert_eq!(csv.lines().nth(1), Some("\"l1\",\"karate\",0.9,"));
    assert!(!fs::read_to_string(folder.path().join("report.json")).unwrap().contains("line and points"));
    fs::remove_file(folder.path().join("figures/verdicts-pictures-bars.json")).unwrap();
    let error = Report::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("verdicts-pictures-bars.json"), "{error}");
    let alone = Report::read_file(&folder.path().join("report.json")).unwrap();
    assert_eq!(alone.summary, report.summary);
}

#[test]
fn changes_against_a_baseline_are_said_first() {
    let (now, mut before) = (settled(), settled());
    let text = |before: &Report| Markdown { report: &now, baseline: Some(before) }.to_string();
    assert!(text(&before).contains("no verdict changed"));
    before.papers[0].claims[0].verdict = Verdict::Undecided;
    before.papers[0].claims.pop();
    let text = text(&before);
    assert!(text.contains("| verdicts | A | undecided (exact) | reproduced (exact) |"), "{text}");
    assert!(text.contains("| verdicts | I | absent | undecided (exact) |"), "{text}");
    assert!(!text.contains("| verdicts | B | contradicted"), "{text}");
}

/// Every verdict once, on some machine, on some day.
fn settled() -> Report {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Arc::new(DataPath::of_folders(vec![]));
    let mut report = Report {
        created: "2026-11-30T12:00:00Z".to_owned(),
        started: "2026-11-30T11:58:45Z".to_owned(),
        elapsed: 75.0,
        program: Program {
            version: "0.1.0".to_owned(),
            receipts: "0.1.0".to_owned(),
            burn: Some("0.22.1".to_owned()),
            rustc: "rustc 1.95.0".to_owned(),
            features: vec!["graph".to_owned(), "optim".to_owned()],
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            changed: true,
            lock: Some("ab".repeat(32)),
            arguments: vec!["reproduce".to_owned(), "--scale".to_owned(), "quick".to_owned()],
            ..program("5a".repeat(32).as_str())
        },
        machine: Machine {
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            processor: Some("A Processor @ 3 GHz".to_owned()),
            cores: 2,
            memory: Some(25_300_000_000),
        },
        seconds: 75.0,
        ..run(&[VERDICTS], &Options { data: nowhere, ..options(folder.path()) }).unwrap()
    };
    for paper in &mut report.papers {
        paper.claims.iter_mut().for_each(|claim| claim.seconds = 1.5);
        paper.experiments.iter_mut().for_each(|outcome| outcome.seconds = 1.5);
    }
    report
}

/// As it is in a pipe. Standard output may be a terminal here, so the test runs itself again, with a pipe.
#[test]
fn terminal_summary_is_as_it_was() {
    const PIPED: &str = "KILN_TEST_IS_PIPED";
    if std::env::var_os(PIPED).is_some() {
        return kiln_tests::snapshot("terminal-summary", &SummaryTable(&settled()).to_string());
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["report::terminal_summary_is_as_it_was", "--exact"]).env(PIPED, "");
    let output = again.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn markdown_report_is_as_it_was() {
    kiln_tests::snapshot("report.md", &Markdown { report: &settled(), baseline: None }.to_string());
}

#[test]
fn markdown_keeps_its_tables_whole() {
    let text = Markdown { report: &report().1, baseline: None }.to_string();
    assert!(text.contains("With \\| a caption"));
    assert!(!text.contains("<script>"));
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| A |")).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].matches('|').count(), 7);
}

const OTHER: Check = Check::each("other").at_most(1.0);

type Run = fn(&Context, &mut Recorder) -> Result<(), ExperimentError>;

#[test]
fn exit_status_tells_failures_apart() {
    fn status(run_experiment: Run) -> (u8, Verdict) {
        let paper = one_experiment(run_experiment);
        let folder = tempfile::tempdir().unwrap();
        let report = run(&[paper], &options(folder.path())).unwrap();
        (report.exit_status(), report.papers[0].claims[0].verdict.clone())
    }
    assert_eq!(
        status(|_, r| {
            r.observe(&VALUE, [1.0]);
            Ok(())
        }),
        (0, Verdict::Reproduced)
    );
    assert_eq!(
        status(|_, r| {
            r.observe(&VALUE, [1.1]);
            Ok(())
        }),
        (1, Verdict::Contradicted)
    );
    let errors: [Run; 6] = [
        |_, _| Ok(()),
        |_, _| Err("it broke".into()),
        |_, _| panic!("it panicked"),
        |_, r| {
            r.observe(&OTHER, [0.0]);
            r.observe(&VALUE, [0.0]);
            Ok(())
        },
        |_, r| {
            r.observe(&VALUE, [f64::NAN]);
            Ok(())
        },
        |_, r| {
            r.observe(&VALUE, [0.0]);
            r.observe(&VALUE, [(0.0, 1.0)]);
            Ok(())
        },
    ];
    for experiment in errors {
        let (status, verdict) = status(experiment);
        assert!(status == 2 && matches!(verdict, Verdict::Error { .. }), "{status} {verdict:?}");
    }
}

#[test]
fn seeds_are_distinct_stable_and_counted() {
    let data = Arc::new(DataPath::new(None));
    let seeds = |count| Context::new(Scale::Quick, "flex", data.clone(), count).seeds(100);
    let default = seeds(None);
    assert_eq!(default.len(), 100);
    assert_eq!(seeds(Some(3)), default[..3]);
    assert!(default.iter().all(|&seed| seed > 1_000_000 && seed < 1 << 53));
    assert_eq!(default.iter().collect::<std::collections::BTreeSet<_>>().len(), 100);
}

#[test]
fn tables_go_into_pages() {
    let (_, report) = report();
    let names: Vec<String> = report.papers[0]
        .experiments
        .iter()
        .flat_map(|outcome| {
            let of = |table: &kiln_receipts::Table| {
                format!("{}/{}/{}", report.papers[0].id, outcome.experiment, table.id)
            };
            outcome.tables.iter().map(of).collect::<Vec<_>>()
        })
        .collect();
    let name = &names[0];
    let page = format!("before\n<!-- table {name} -->\nold\n<!-- /table -->\nafter\n");
    let fill = |page: &str| fill(page, &report);
    let filled = fill(&page).unwrap().page;
    assert!(filled.starts_with(&format!("before\n<!-- table {name} -->\n| ")), "{filled}");
    assert!(filled.ends_with("|\n<!-- /table -->\nafter\n") && !filled.contains("old"), "{filled}");
    assert_eq!(fill(&filled).unwrap().page, filled, "filling again changes nothing");
    assert_eq!(fill("no place").unwrap().page, "no place");
    let unknown = "<!-- table a/b/c -->\nas it was\n<!-- /table -->";
    let both = fill(&format!("{unknown}\n{page}")).unwrap();
    assert_eq!((both.page, both.missing), (format!("{unknown}\n{filled}"), vec!["a/b/c".to_owned()]));
    assert_eq!(fill("<!-- table a/b/c -->\n"), Err(OpenPlace { name: "a/b/c".to_owned() }));
}

#[test]
fn a_page_has_both_scales() {
    let (_, report) = report();
    let id = report.papers[0].id.clone();
    let place = |name: &str, old: &str| format!("<!-- table {name} -->\n{old}\n<!-- /table -->\n");
    let (quick_place, full_place) = (format!("verdicts/{id}"), format!("full/verdicts/{id}"));
    let page = place(&quick_place, "quick") + &place(&full_place, "full");
    let quick = fill(&page, &report).unwrap();
    assert!(
        quick.page.ends_with(&place(&full_place, "full")) && !quick.page.contains("quick\n"),
        "{}",
        quick.page
    );
    assert!(quick.missing.is_empty());
    let mut full = report.clone();
    full.settings.scale = Scale::Full;
    full.program.commit = Some("0123456789abcdef".to_owned());
    let both = fill(&quick.page, &full).unwrap();
    assert!(both.missing.is_empty());
    assert!(
        both.page.contains(&format!("<!-- table {full_place} -->\nCommit 01234567, begun ")),
        "{}",
        both.page
    );
    assert_eq!(both.page.matches("| claim | terms |").count(), 2);
}

#[test]
fn tables_take_numbers_and_runs() {
    let mut table = Table::new("t", "Title", "Caption", &["", "once", "twice"]);
    table.numbers(["plain"], [1.0, 0.5]);
    let runs = [Runs { name: "arm".to_owned(), values: vec![1.0, 3.0] }];
    let table = table.with_runs(&runs, 1, &[&|x| *x, &|x| 2.0 * x]);
    assert_eq!(table.rows, [["plain", "1", "0.5"], ["arm", "2.0 (1.4)", "4.0 (2.8)"]]);
}
