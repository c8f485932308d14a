//! What a crash leaves is recovered.

use std::fs;

use kiln_optim::zeroth_order::{LogError, LogHeader, LogWriter, ReplayLog};

use super::{append, bytes, entry, format, header, steps, tail};

/// Whatever the moment of a crash: the files as they are then, with the last write cut.
#[test]
fn a_crash_loses_at_most_the_last_step() {
    let entries = steps(140);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let crashed = folder.path().join("crashed.zo");
    let finished = bytes(&entries, Some(7));
    let full = [0, 64, 128].map(|steps| bytes(&entries[..steps], None));
    let mut images = 0;
    // `whole` says that no step is being written: then nothing may be lost.
    let mut check = |main: &[u8], records: Option<&[u8]>, done: usize, whole: bool| {
        let _ = fs::remove_file(tail(&crashed));
        fs::write(&crashed, main).unwrap();
        if let Some(records) = records {
            fs::write(tail(&crashed), records).unwrap();
        }
        let log = ReplayLog::open(&crashed).unwrap();
        assert!(log.entries.len() >= done, "{} of {done} steps were recovered", log.entries.len());
        assert_eq!(log.entries, entries[..log.entries.len()]);
        assert!(log.lost() == 0 || (!whole && log.entries.len() == done));
        // Resuming syncs files: not every image.
        if images % 61 == 0 {
            let (mut writer, log) = LogWriter::resume(&crashed, &header()).unwrap();
            // Nothing incomplete stays in the log: full blocks, but for one that is still in the tail.
            assert!(full.contains(&fs::read(&crashed).unwrap()));
            append(&mut writer, &entries[log.entries.len()..]);
            writer.finish(7).unwrap();
            assert_eq!(fs::read(&crashed).unwrap(), finished);
        }
        images += 1;
    };
    let files = || (fs::read(&path).unwrap(), fs::read(tail(&path)).unwrap());

    let mut writer = LogWriter::create(&path, &header()).unwrap();
    for (step, entry) in entries.iter().enumerate() {
        let (main, records) = files();
        writer.append(entry).unwrap();
        let (main_after, records_after) = files();
        if main_after.len() > main.len() {
            // A full block moved: first into the log, then out of the tail.
            (main.len()..=main_after.len())
                .for_each(|end| check(&main_after[..end], Some(&records), step, true));
            assert!(step > 0 && step.is_multiple_of(64));
        }
        let before = if main_after.len() > main.len() { Vec::new() } else { records };
        let written = [before.clone(), format::record(step as u64, entry)].concat();
        assert_eq!(records_after, written);
        // Every byte of a record around the ends of blocks, some elsewhere.
        let some = if (12..54).contains(&(step % 64)) { 11 } else { 1 };
        for end in (before.len()..=written.len()).step_by(some) {
            check(&main_after, Some(&written[..end]), step, false);
        }
    }
    let (main, records) = files();
    writer.finish(7).unwrap();
    assert_eq!(fs::read(&path).unwrap(), finished);
    (main.len()..=finished.len()).for_each(|end| check(&finished[..end], Some(&records), 140, true));
    check(&finished, None, 140, true);
    assert!(images > 2000, "{images}");
}

/// File systems may write a block's pages in any order, and leave zeros for those that were not.
#[test]
fn a_block_of_zeros_is_recovered_from_the_tail() {
    let entries = steps(65);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let mut writer = LogWriter::create(&path, &header()).unwrap();
    append(&mut writer, &entries[..64]);
    let records = fs::read(tail(&path)).unwrap();
    writer.append(&entries[64]).unwrap();
    drop(writer);
    let start = bytes(&[], None).len();
    let mut main = fs::read(&path).unwrap();
    main[start..].fill(0);
    fs::write(&path, &main).unwrap();
    // The tail has moved on: the block is nowhere.
    assert!(matches!(ReplayLog::open(&path), Err(LogError::Damaged { block: 1, .. })));
    fs::write(tail(&path), &records).unwrap();
    let log = ReplayLog::open(&path).unwrap();
    assert_eq!((&log.entries[..], log.lost()), (&entries[..64], 0));
    // More than that block is no crash.
    fs::write(&path, [main, vec![0; 64]].concat()).unwrap();
    assert!(matches!(ReplayLog::open(&path), Err(LogError::Damaged { block: 1, .. })));
}

#[test]
fn a_damaged_tail_is_refused_and_a_torn_one_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let mut writer = LogWriter::create(&path, &header()).unwrap();
    let entries = vec![entry(1.0, Some(&[0.5])); 5];
    append(&mut writer, &entries);
    drop(writer);
    let records = fs::read(tail(&path)).unwrap();
    let length = records.len() / 5;
    let with = |records: &[u8]| {
        fs::write(tail(&path), records).unwrap();
        ReplayLog::open(&path)
    };
    for at in 0..records.len() {
        let mut bad = records.clone();
        bad[at] ^= 0x10;
        match with(&bad) {
            Err(LogError::Damaged { block: 1, offset, .. }) => {
                assert!(at < 4 * length + 23);
                assert_eq!(offset as usize, at / length * length);
            }
            // A last record with wrong bytes is one that was not written to its end.
            Ok(log) => {
                assert!(at >= 4 * length + 23 && !log.is_finished());
                assert_eq!((log.entries.len(), log.lost()), (4, length as u64));
            }
            other => panic!("byte {at}: {other:?}"),
        }
    }
    let zeros = with(&[&records[..], &[0; 100]].concat()).unwrap();
    assert_eq!((zeros.entries.len(), zeros.lost()), (5, 100));
    // Steps that are missing, out of order, or of another run.
    assert!(with(&records[length..]).is_err());
    assert!(with(&[&records[..length], &records[2 * length..]].concat()).is_err());
    fs::write(&path, bytes(&[entry(1.0, Some(&[0.75]))], None)).unwrap();
    assert!(with(&records).unwrap_err().to_string().contains("other steps than the log"));
    fs::write(&path, bytes(&entries[..2], Some(7))).unwrap();
    assert!(with(&records).unwrap_err().to_string().contains("goes on after the end"));
}

#[test]
fn resuming_after_every_step_gives_the_bytes_of_an_uninterrupted_run() {
    let entries = steps(150);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    LogWriter::create(&path, &header()).unwrap();
    // Another note is another program version, not another run.
    let newer = LogHeader { note: "version 2".to_owned(), ..header() };
    for (step, entry) in entries.iter().enumerate() {
        let (mut writer, log) = LogWriter::resume(&path, &newer).unwrap();
        assert_eq!((writer.steps(), log.entries.len(), log.lost()), (step as u64, step, 0));
        writer.append(entry).unwrap();
        writer.sync().unwrap();
    }
    LogWriter::resume(&path, &newer).unwrap().0.finish(7).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes(&entries, Some(7)));

    // A finished run goes on too, as does one that came in one piece.
    let more = steps(200);
    for partial in [bytes(&entries, Some(7)), bytes(&entries, None)] {
        fs::write(&path, partial).unwrap();
        let (mut writer, log) = LogWriter::resume(&path, &header()).unwrap();
        assert_eq!(log.entries, more[..150]);
        append(&mut writer, &more[150..]);
        writer.finish(8).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes(&more, Some(8)));
    }
}
