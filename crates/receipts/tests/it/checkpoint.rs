//! A run that was killed goes on where it was, and gives the same report.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use kiln_datasets::DataPath;
use kiln_receipts::{
    Scale,
    report::Report,
    run::{Options, run},
    verdict::Verdict,
};
use serde_json::Value;

use crate::fixture::{VALUE, VERDICTS, one_experiment, options, program};

/// The report as JSON without times.
pub(crate) fn timeless(report: &Report) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields
                    .retain(|name, _| !["seconds", "created", "started", "elapsed"].contains(&name.as_str()));
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(report).unwrap();
    strip(&mut value);
    value
}

fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.join("checkpoints")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn a_second_run_restores_everything_with_its_times() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(&[VERDICTS], &options(folder.path())).unwrap();
    let second = run(&[VERDICTS], &options(folder.path())).unwrap();
    assert_eq!(timeless(&first), timeless(&second));
    assert_eq!(first.seconds, second.seconds);
    let jobs = tempfile::tempdir().unwrap();
    let parallel = run(&[VERDICTS], &Options { jobs: 4, ..options(jobs.path()) }).unwrap();
    assert_eq!(timeless(&first), timeless(&parallel));
}

#[test]
fn steps_survive_an_interruption() {
    static STEPS: AtomicUsize = AtomicUsize::new(0);
    static BROKEN: AtomicUsize = AtomicUsize::new(1);
    let paper = one_experiment(|_, recorder| {
        for i in 0..6 {
            if i == 4 && BROKEN.swap(0, SeqCst) == 1 {
                return Err("interrupted".into());
            }
            let x: f64 = recorder.memo(&i.to_string(), || {
                STEPS.fetch_add(1, SeqCst);
                Ok(f64::from(i) / 7.0)
            })?;
            recorder.observe(&VALUE, [x]);
        }
        Ok(())
    });
    let folder = tempfile::tempdir().unwrap();
    let interrupted = run(&[paper], &options(folder.path())).unwrap();
    assert!(matches!(interrupted.papers[0].claims[0].verdict, Verdict::Error { .. }));
    let resumed = run(&[paper], &options(folder.path())).unwrap();
    assert_eq!(STEPS.load(SeqCst), 6);
    assert_eq!(checkpoints(folder.path()).len(), 1, "the steps are removed once the experiment is finished");
    let whole = tempfile::tempdir().unwrap();
    assert_eq!(timeless(&resumed), timeless(&run(&[paper], &options(whole.path())).unwrap()));
}

#[test]
fn steps_keep_nan_and_infinities() {
    let paper = one_experiment(|_, recorder| {
        let step = || recorder.memo("special", || Ok([f64::NAN, f64::NEG_INFINITY, 0.5]));
        let (fresh, restored) = (step()?, step()?);
        assert!(fresh[0].is_nan() && restored[0].is_nan());
        assert_eq!(fresh[1..], restored[1..]);
        recorder.observe(&VALUE, [restored[2], restored[1]]);
        Ok(())
    });
    let folder = tempfile::tempdir().unwrap();
    let report = run(&[paper], &options(folder.path())).unwrap();
    assert_eq!(report.papers[0].claims[0].verdict, Verdict::Reproduced);
}

#[test]
fn other_data_redo_the_experiment_and_its_steps() {
    static FAIL: AtomicUsize = AtomicUsize::new(0);
    let paper = one_experiment(|context, recorder| {
        let found = context.data.find("folder/numbers.txt")?;
        let x: f64 = recorder.memo("read", || Ok(String::from_utf8(found.read()?)?.parse()?))?;
        recorder.observe(&VALUE, [x]);
        if FAIL.load(SeqCst) == 1 { Err("interrupted".into()) } else { Ok(()) }
    });
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options =
        Options { data: Arc::new(DataPath::new(Some(data.path().to_owned()))), ..options(folder.path()) };
    let verdict = || run(&[paper], &options).unwrap().papers[0].claims[0].verdict.clone();
    assert!(matches!(verdict(), Verdict::NeedsData { .. }));
    fs::create_dir(data.path().join("folder")).unwrap();
    let file = data.path().join("folder/numbers.txt");
    fs::write(&file, "0.5").unwrap();
    assert_eq!(verdict(), Verdict::Reproduced);
    fs::write(&file, "1.5").unwrap();
    assert_eq!(verdict(), Verdict::Contradicted);
    FAIL.store(1, SeqCst);
    fs::write(&file, "0.5").unwrap();
    assert!(matches!(verdict(), Verdict::Error { .. }));
    FAIL.store(0, SeqCst);
    fs::write(&file, "2.5").unwrap();
    assert_eq!(verdict(), Verdict::Contradicted, "the step of the interrupted run read other data");
}

#[test]
fn a_damaged_checkpoint_is_redone() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let paper = one_experiment(|_, recorder| {
        RUNS.fetch_add(1, SeqCst);
        recorder.observe(&VALUE, [0.125]);
        Ok(())
    });
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let first = timeless(&run(&[paper], &options).unwrap());
    let [file] = &checkpoints(folder.path())[..] else { panic!("one checkpoint") };
    let whole = fs::read(file).unwrap();
    let mut expected = 1;
    for cut in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[cut] ^= 1;
        for damaged in [&whole[..cut], &flipped[..]] {
            fs::write(file, damaged).unwrap();
            assert_eq!(timeless(&run(&[paper], &options).unwrap()), first);
            expected += 1;
            assert_eq!(RUNS.load(SeqCst), expected, "damage at byte {cut} went unnoticed");
        }
    }
    run(&[paper], &options).unwrap();
    assert_eq!(RUNS.load(SeqCst), expected, "the checkpoint written after damage is used");
}

#[test]
fn other_circumstances_redo_the_experiment() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let paper = one_experiment(|context, recorder| {
        RUNS.fetch_add(1, SeqCst);
        let seeds = context.seeds(2);
        recorder.observe(&VALUE, seeds.iter().map(|_| 0.0));
        Ok(())
    });
    let folder = tempfile::tempdir().unwrap();
    let base = options(folder.path());
    let all = [
        base.clone(),
        Options { scale: Scale::Full, ..base.clone() },
        Options { seeds: Some(3), ..base.clone() },
        Options { device: "wgpu".to_owned(), ..base.clone() },
        Options { program: program("rebuilt"), ..base.clone() },
        Options { fresh: true, program: program("rebuilt"), ..base.clone() },
    ];
    for (before, options) in all.iter().enumerate() {
        assert_eq!(RUNS.load(SeqCst), before);
        run(&[paper], options).unwrap();
    }
    assert_eq!(RUNS.load(SeqCst), all.len());
    run(&[paper], &Options { program: program("rebuilt"), ..base }).unwrap();
    assert_eq!(RUNS.load(SeqCst), all.len());
}
