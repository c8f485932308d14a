//! What is written is read, and what was damaged is refused.

use std::fs;

use kiln_optim::zeroth_order::{Entry, LogError, Rates, ReplayLog};
use proptest::prelude::*;

use super::{Settings, bytes, entry, format, header, settings, steps, tail, write};

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let rate = prop_oneof![4 => Just(1e-3_f32), 1 => any::<f32>()];
    // Rates seldom change, so that segments come out longer than one step.
    let scalars = prop_oneof![
        6 => proptest::collection::vec(any::<f32>(), 1..=1).prop_map(Some),
        2 => proptest::collection::vec(any::<f32>(), 0..5).prop_map(Some),
        1 => Just(None),
    ];
    let entry = (rate, scalars).prop_map(|(step_size, scalars)| Entry {
        rates: Rates { step_size, anchor_step_size: 1e-2 },
        scalars,
    });
    proptest::collection::vec(entry, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_written_is_read(entries in any_entries(), final_hash: u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.zo");
        write(&path, &entries, final_hash);
        let log = ReplayLog::open(&path).unwrap();
        prop_assert_eq!(&log, &ReplayLog::new(header(), entries.clone(), Some(final_hash)));
        prop_assert_eq!(log.header.settings::<Settings>().unwrap(), settings());
        prop_assert!(log.is_finished() && log.lost() == 0);
        prop_assert!(!tail(&path).exists());
        // One run, one sequence of bytes.
        prop_assert_eq!(fs::read(&path).unwrap(), bytes(&entries, Some(final_hash)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        start in 0_usize..200, noise in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let good = bytes(&steps(70), None);
        let log = ReplayLog::from_bytes(&[&good[..start.min(good.len())], &noise[..]].concat());
        prop_assert!(log.is_err() || !log.unwrap().is_finished());
        prop_assert!(ReplayLog::from_bytes(&noise).is_err());
    }
}

#[test]
fn bits_of_special_numbers_are_kept() {
    let nan = f32::from_bits(0x7fc1_2345);
    let special = [nan, -0.0, f32::INFINITY, f32::MIN_POSITIVE / 2.0];
    let log = ReplayLog::from_bytes(&bytes(&[entry(nan, Some(&special))], Some(0))).unwrap();
    let bits = |scalars: &[f32]| scalars.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(log.entries[0].scalars.as_ref().unwrap()), bits(&special));
    assert_eq!(log.entries[0].rates.step_size.to_bits(), nan.to_bits());
}

#[test]
fn every_changed_byte_is_noticed() {
    let good = bytes(&steps(70), Some(7));
    for at in 0..good.len() {
        let mut bad = good.clone();
        for value in (0..=255).filter(|&value| value != good[at]) {
            bad[at] = value;
            let error = ReplayLog::from_bytes(&bad).expect_err("a byte was changed");
            match (at, &error) {
                (0..8, LogError::NotALog)
                | (8..10, LogError::Version { supported: 2, .. })
                | (10..14, LogError::Truncated { .. } | LogError::Damaged { block: 0, .. })
                | (14.., LogError::Damaged { .. }) => {}
                _ => panic!("byte {at} as {value}: {error:?}"),
            }
        }
    }
}

#[test]
fn a_log_that_is_cut_anywhere_is_unfinished() {
    let entries = steps(150);
    let good = bytes(&entries, Some(7));
    let header = format::header(&header()).bytes.len();
    let mut most = 0;
    for length in 0..good.len() {
        match ReplayLog::from_bytes(&good[..length]) {
            Err(LogError::NotALog) => assert_eq!(length, 0),
            Err(LogError::Truncated { length: found }) => {
                assert!(length < header && found == length as u64);
            }
            Err(error) => panic!("cut to {length}: {error:?}"),
            Ok(log) => {
                assert!(length >= header && !log.is_finished());
                assert_eq!(log.entries, entries[..log.entries.len()]);
                assert!([0, 64, 128, 150].contains(&log.entries.len()) && log.entries.len() >= most);
                most = log.entries.len();
                // What is left plus what was lost is the file.
                let kept = bytes(&log.entries, None);
                assert_eq!(kept.len() as u64 + log.lost(), length as u64);
            }
        }
    }
    assert_eq!(most, 150);
}

#[test]
fn blocks_cannot_be_dropped_swapped_or_repeated() {
    let entries: Vec<_> = (0..192).map(|i| entry(1.0, Some(&[i as f32]))).collect();
    let end = |steps: usize| bytes(&entries[..steps], None).len();
    let all = bytes(&entries, Some(7));
    let [head, one, two, three] =
        [0..end(0), end(0)..end(64), end(64)..end(128), end(128)..end(192)].map(|range| &all[range]);
    let footer = &all[end(192)..];
    assert_eq!(ReplayLog::from_bytes(&[head, one, two, three, footer].concat()).unwrap().entries, entries);
    for (parts, bad) in [
        (vec![head, two, three, footer], 1),
        (vec![head, one, three, footer], 2),
        (vec![head, one, two, footer], 3),
        (vec![head, two, one, three, footer], 1),
        (vec![head, one, one, two, three, footer], 2),
        (vec![head, one, two, three, footer, footer], 4),
        (vec![head, one, two, three, three, footer], 4),
        (vec![head, one, two, three, footer, &[0]], 4),
    ] {
        match ReplayLog::from_bytes(&parts.concat()) {
            Err(LogError::Damaged { block, .. }) => assert_eq!(block, bad),
            other => panic!("{other:?}"),
        }
    }
}
