//! `kiln-papers finetune` on a tiny model of the user's own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::tiny;

fn program(folder: &Path, args: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kiln-papers"));
    program.current_dir(folder).arg("finetune").args(args.split_whitespace());
    program.output().unwrap()
}

fn succeeds(folder: &Path, args: &str) -> String {
    let output = program(folder, args);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args}: {stderr}");
    stdout.into_owned()
}

fn fails(folder: &Path, args: &str) -> String {
    let output = program(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn workshop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny::write_model(&folder.path().join("bert"));
    tiny::write_table(&folder.path().join("train.tsv"), 24);
    tiny::write_table(&folder.path().join("eval.tsv"), 8);
    folder
}

const TASK: &str = "--model bert --train train.tsv --eval eval.tsv --batch-size 6 --max-length 8";
const BARE: &str = "--model bert --train train.tsv --eval eval.tsv";

#[test]
fn help_teaches() {
    let help = succeeds(Path::new("."), "--help");
    for words in
        ["--anchor-storage", "replay.zo", "data get minilm", "[default: fused; zo-sgd: copy]", "--resume"]
    {
        assert!(help.contains(words), "{words} is not in {help}");
    }
}

#[test]
fn a_run_leaves_weights_a_report_and_a_log_that_rebuilds_them() {
    let shop = workshop();
    let here = shop.path();
    let table = succeeds(
        here,
        &format!("{TASK} --method mezo-svrg --restore grid --step-size 1e-4 --steps 8 --out run"),
    );
    assert!(table.contains("accuracy") && table.contains("hash of the weights"), "{table}");
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(here.join("run/report.json")).unwrap()).unwrap();
    assert_eq!(report["outcome"]["steps"], 8);
    assert_eq!(report["run"]["data"][0]["rows"], 24);
    assert!(report["memory"]["peak_heap"].as_u64() > Some(0), "{report}");
    let weights = fs::read(here.join("run/weights.safetensors")).unwrap();

    assert!(succeeds(here, "info run/replay.zo").contains("finished, at weights"));
    succeeds(here, "replay run/replay.zo --out replayed.safetensors");
    assert_eq!(fs::read(here.join("replayed.safetensors")).unwrap(), weights);
    // On the grid steps are taken back exactly.
    succeeds(here, "undo run/replay.zo --to 2 --out undone.safetensors");
    succeeds(here, "replay run/replay.zo --to 2 --out early.safetensors");
    assert_eq!(
        fs::read(here.join("undone.safetensors")).unwrap(),
        fs::read(here.join("early.safetensors")).unwrap()
    );
    assert!(fails(here, "undo run/replay.zo --to 9 --out x").contains("the checkpoint is of step 8"));

    succeeds(
        here,
        &format!("{TASK} --method mezo-svrg --restore grid --step-size 2e-4 --steps 8 --out other"),
    );
    let different = succeeds(here, "diff run/replay.zo other/replay.zo");
    assert!(different.contains("step_size"), "{different}");

    let table = succeeds(here, &format!("{TASK} --weights replayed.safetensors --steps 0 --out evaluated"));
    let last = &report["outcome"]["evaluations"];
    let last = &last[last.as_array().unwrap().len() - 1];
    let again: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(here.join("evaluated/report.json")).unwrap()).unwrap();
    assert_eq!(again["outcome"]["evaluations"][0]["loss"], last["loss"], "{table}");
}

#[test]
fn every_way_of_tuning_runs() {
    let shop = workshop();
    for (i, options) in [
        "--method adam --tune last-layers=1",
        "--method sgd --tune head --weight-decay 0.1",
        "--method mezo --tune lora=2 --directions 2 --distribution rademacher",
        "--method zo-sgd --objective f1 --difference forward",
        "--method mezo --queries 40 --objective accuracy",
        "--method mezo-svrg --anchor-period 3 --anchor-storage replay --fidelity corrected",
        "--method mezo-svrg --fidelity official --anneal 1.5",
    ]
    .iter()
    .enumerate()
    {
        let steps = if options.contains("--queries") { "" } else { "--steps 4" };
        succeeds(shop.path(), &format!("{TASK} {options} {steps} --out run{i}"));
    }
}

#[test]
fn wrong_options_say_what_to_do() {
    let shop = workshop();
    let here = shop.path();
    for (options, words) in [
        ("--train train.tsv --eval eval.tsv", "--model: is missing"),
        ("--model bert --eval eval.tsv", "--train: is missing"),
        ("--model bert --train train.tsv", "--eval: is missing"),
        ("--model bert --train none.tsv --eval eval.tsv", "no data none.tsv"),
    ] {
        let error = fails(here, options);
        assert!(error.contains(words), "{options}: {error}");
    }
    for (options, words) in [
        ("--step-size -1", "no positive number"),
        ("--step-size 0", "no positive number"),
        ("--method newton", "mezo-svrg"),
        ("--restore magic", "in-place, fused, copy, grid"),
        ("--tune lora=0", "whole number from 1"),
        ("--batch-size 6 --tune last-layers=9", "the model has 2 layers"),
        ("--method sgd --step-size auto", "give sgd a number"),
        ("--batch-size 6 --method adam --objective f1", "have no gradient"),
        ("--method zo-sgd --restore grid", "works on a copy"),
        ("--method mezo --anchor-step-size 1", "has no anchor"),
        ("--method mezo-svrg --directions 2", "one direction a step"),
        ("--method adam --restore grid", "does not perturb"),
        ("--steps 3 --queries 3", "cannot be used with"),
        ("--batch-size 25", "25 of 24 training examples"),
        ("--text-column words", "no column \"words\""),
        ("--max-length 2", "max_length"),
        ("--device abacus", "ndarray, flex, wgpu"),
    ] {
        let error = fails(here, &format!("{BARE} --out run {options}"));
        assert!(error.contains(words), "{options}: {error}");
    }
    assert!(!here.join("run/checkpoint").exists());
}
