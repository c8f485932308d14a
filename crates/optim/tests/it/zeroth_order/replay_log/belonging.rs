//! What belongs together, and how two runs differ.

use std::fs;

use ciborium::Value;
use kiln_optim::zeroth_order::replay_log::FirstDifference;
use kiln_optim::zeroth_order::{Entry, LogError, LogHeader, LogWriter, LoggedBlock, ReplayLog};

use super::{Method, Settings, entry, header, settings, steps, tail};

#[test]
fn a_long_run_is_small() {
    let parts =
        ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", "self_attn_layer_norm", "final_layer_norm"];
    let names = (0..7).flat_map(|layer| {
        parts.iter().flat_map(move |part| {
            ["weight", "bias"].map(|kind| format!("model.decoder.layers.{layer}.self_attn.{part}.{kind}"))
        })
    });
    let manifest: Vec<_> = names
        .take(101)
        .map(|name| LoggedBlock {
            name,
            shape: vec![2048, 2048],
            dtype: "f32".to_owned(),
            length: 2048 * 2048,
            grid_exponent: Some(-22),
        })
        .collect();
    assert_eq!(manifest.len(), 101);
    let header = LogHeader { manifest, ..header() };
    let entries: Vec<_> = (0..20_000).map(|i| entry(1e-6, Some(&[(i as f32).sin()]))).collect();
    let without = ReplayLog::new(header.clone(), Vec::new(), None).to_bytes().unwrap().len();
    let size = ReplayLog::new(header, entries, Some(7)).to_bytes().unwrap().len();
    assert!(size < 100_000, "{size} bytes, of which {without} are the header");
}

#[test]
fn a_prefix_is_a_shorter_run() {
    let log = ReplayLog::new(header(), steps(100), Some(7));
    assert_eq!(log.prefix(30), ReplayLog::new(header(), steps(30), None));
    assert_eq!(log.prefix(100), log);
    assert_eq!(log.prefix(1000), log);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let missing = ReplayLog::open(&path).unwrap_err();
    assert!(matches!(&missing, LogError::Io { path: p, .. } if *p == path));
    assert!(matches!(LogWriter::resume(&path, &header()), Err(LogError::Io { .. })));
    assert!(!path.exists() && !tail(&path).exists());

    let mut writer = LogWriter::create(&path, &header()).unwrap();
    let too_many = entry(1.0, Some(&vec![0.0; 65_536]));
    assert!(matches!(writer.append(&too_many), Err(LogError::TooLarge { found: 65_536, most: 65_535, .. })));
    assert!(ReplayLog::new(header(), vec![too_many], None).to_bytes().is_err());
    writer.append(&entry(1.0, Some(&vec![0.5; 65_535]))).unwrap();
    assert_eq!(writer.steps(), 1);
    if cfg!(unix) {
        let error = LogWriter::resume(&path, &header()).unwrap_err();
        assert!(matches!(error, LogError::InUse { .. }), "{error}");
    }
    drop(writer);
    assert!(matches!(LogWriter::create(&path, &header()), Err(LogError::Io { .. })));

    let older = LogHeader { version: 1, ..header() };
    assert!(matches!(
        LogWriter::create(folder.path().join("old.zo"), &older),
        Err(LogError::Version { found: 1, supported: 2 })
    ));
    assert!(matches!(header().settings::<Vec<u8>>(), Err(LogError::Settings(_))));

    let log = ReplayLog::new(header(), Vec::new(), Some(7));
    log.check_base(0x0123_4567_89ab_cdef).unwrap();
    log.check_final(7).unwrap();
    assert!(matches!(log.check_base(7), Err(LogError::Mismatch { .. })));
    assert!(matches!(log.check_final(8), Err(LogError::Mismatch { .. })));
    log.prefix(0).check_final(7).unwrap();
}

type Change = fn(&mut LogHeader);

#[test]
fn a_log_of_another_run_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    LogWriter::create(&path, &header()).unwrap();
    let others: [(Change, &str); 7] = [
        (|h| h.method = "mezo-svrg".to_owned(), "method is mezo-svrg, but the log says mezo"),
        (|h| h.seed = 43, "seed is 43, but the log says 42"),
        (|h| h.generator = "x".to_owned(), "generator is x, but the log says philox4x32-10"),
        (|h| h.base_hash = 1, "base weights is 0x0000000000000001, but the log says 0x0123456789abcdef"),
        (|h| h.components = 5, "components is 5, but the log says 1000"),
        (
            |h| h.manifest[0].shape = vec![3, 4],
            "tensor 0 is layer.weight f32[3, 4], but the log says layer.weight f32[4, 3]",
        ),
        (
            |h| {
                let settings = Settings { clip: Some(0.1), ..settings() };
                h.tuner = Value::serialized(&settings).unwrap();
            },
            "settings.clip is 0.1, but the log says none",
        ),
    ];
    for (change, message) in others {
        let mut other = header();
        change(&mut other);
        let error = LogWriter::resume(&path, &other).unwrap_err();
        assert!(matches!(error, LogError::Mismatch { .. }));
        assert_eq!(error.to_string(), message);
    }
}

/// A log that was there before must not lend its tail to a new one.
#[test]
fn an_old_tail_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let mut writer = LogWriter::create(&path, &header()).unwrap();
    writer.append(&entry(1.0, None)).unwrap();
    drop(writer);
    fs::remove_file(&path).unwrap();
    drop(LogWriter::create(&path, &header()).unwrap());
    assert!(ReplayLog::open(&path).unwrap().entries.is_empty());
}

#[test]
fn a_diff_tells_what_differs() {
    let entries: Vec<_> = (0..100).map(|i| entry(1e-3, Some(&[(i as f32).sin()]))).collect();
    let log = ReplayLog::new(header(), entries.clone(), Some(7));
    let same = log.diff(&log);
    assert!(same.is_empty());
    assert_eq!(same.to_string(), "the same run of 100 steps");
    assert_eq!((same.compared, same.largest), (100, 0.0));
    assert!((same.correlation.unwrap() - 1.0).abs() < 1e-12);

    // A shorter run with another setting, all scalars doubled from step 20.
    let mut other = log.prefix(80);
    let Method::Mezo { eps, .. } = settings().method;
    let changed = Settings { method: Method::Mezo { step_size: 1e-5, eps }, ..settings() };
    other.header.tuner = Value::serialized(&changed).unwrap();
    for entry in &mut other.entries[20..] {
        entry.scalars.as_mut().unwrap()[0] *= 2.0;
    }
    let diff = log.diff(&other);
    assert!(!diff.is_empty());
    assert_eq!(diff.steps, [100, 80]);
    let left = entries[20].scalars.as_ref().unwrap()[0];
    assert_eq!(diff.first, Some(FirstDifference::Scalar { step: 20, index: 0, left, right: 2.0 * left }));
    let scalar = |i: usize| f64::from(entries[i].scalars.as_ref().unwrap()[0]);
    let largest = (20..80).map(|i| scalar(i).abs()).fold(0.0, f64::max);
    assert_eq!((diff.compared, diff.largest), (80, largest));
    // Pearson's r, from sums over the pairs.
    let pairs: Vec<_> = (0..80).map(|i| (scalar(i), if i < 20 { 1.0 } else { 2.0 } * scalar(i))).collect();
    let sum = |f: fn((f64, f64)) -> f64| pairs.iter().map(|&p| f(p)).sum::<f64>() / 80.0;
    let (a, b) = (sum(|p| p.0), sum(|p| p.1));
    let r =
        (sum(|p| p.0 * p.1) - a * b) / ((sum(|p| p.0 * p.0) - a * a) * (sum(|p| p.1 * p.1) - b * b)).sqrt();
    assert!((diff.correlation.unwrap() - r).abs() < 1e-9);
    let text = diff.to_string();
    assert!(text.starts_with("settings.method.mezo.step_size: 1e-6 | 1e-5\nsteps: 100 | 80\n"), "{text}");
    assert!(text.contains("first difference: step 20, scalar 0: "), "{text}");

    let first = |entry: Entry| {
        let entries = [&entries[..5], &[entry]].concat();
        log.diff(&ReplayLog::new(header(), entries, None)).first.unwrap()
    };
    let same = entries[5].scalars.as_deref();
    assert_eq!(first(entry(1e-3, None)), FirstDifference::Skipped { step: 5, left: false });
    assert_eq!(first(entry(1e-3, Some(&[]))), FirstDifference::Scalars { step: 5, left: 1, right: 0 });
    let (left, right) = (entries[5].rates, entry(1e-4, same).rates);
    assert_eq!(first(entry(1e-4, same)), FirstDifference::Rates { step: 5, left, right });

    let empty = ReplayLog::new(header(), Vec::new(), None);
    let diff = log.diff(&empty);
    assert_eq!((diff.first, diff.correlation, diff.compared), (None, None, 0));
    assert!(diff.to_string().ends_with("the first 0 steps: the same"), "{diff}");
}
