//! Ranks that are threads: what they exchange, and that none waits for one that is gone.

use std::panic;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kiln_optim::zeroth_order::{Alone, Comm, CommError, Threads};

/// Runs a function on so many ranks, each in its thread. Fails instead of hanging.
pub(crate) fn on_ranks<T: Send + 'static>(
    size: usize,
    run: impl Fn(Threads) -> T + Clone + Send + 'static,
) -> Vec<thread::Result<T>> {
    let (done, results) = mpsc::channel();
    for (rank, comm) in Threads::new(size).into_iter().enumerate() {
        let (run, done) = (run.clone(), done.clone());
        thread::spawn(move || {
            let result = panic::catch_unwind(panic::AssertUnwindSafe(|| run(comm)));
            let _ = done.send((rank, result));
        });
    }
    let mut all: Vec<_> = (0..size)
        .map(|_| results.recv_timeout(Duration::from_mins(5)).expect("no rank waits for ever"))
        .collect();
    all.sort_by_key(|(rank, _)| *rank);
    all.into_iter().map(|(_, result)| result).collect()
}

/// The end of a thread, as by a panic but without its message.
pub(crate) fn die() -> ! {
    panic::resume_unwind(Box::new("died on purpose"))
}

fn all_ok<T>(results: Vec<thread::Result<T>>) -> Vec<T> {
    results.into_iter().map(|result| result.unwrap()).collect()
}

#[test]
fn one_rank_has_nobody_to_talk_to() {
    assert_eq!((Alone.rank(), Alone.size()), (0, 1));
    assert_eq!(Alone.all_gather(&[1.0, 2.0]), Ok(vec![1.0, 2.0]));
    let mut bytes = *b"abc";
    Alone.broadcast(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"abc");
    assert_eq!(Alone.share(vec![1, 2], 0), Ok(vec![1, 2]));
    assert_eq!(Alone.broadcast(&mut bytes, 1), Err(CommError::NoSuchRank { root: 1, size: 1 }));
    assert!(Threads::new(0).is_empty());
}

#[test]
fn values_come_in_rank_order_with_all_their_bits() {
    let nan = f64::from_bits(0x7ff8_dead_beef_0001);
    for size in 1..=5 {
        let ranks = all_ok(on_ranks(size, move |comm| {
            let rank = comm.rank();
            for round in 0..200 {
                let all = comm.all_gather(&[rank as f64, nan, -0.0, f64::from(round)]).unwrap();
                let expected = (0..size).flat_map(|r| [r as f64, nan, -0.0, f64::from(round)]);
                assert!(all.iter().map(|x| x.to_bits()).eq(expected.map(f64::to_bits)));

                let root = round as usize % size;
                let mut bytes = [rank as u8, round as u8, 7];
                comm.broadcast(&mut bytes, root).unwrap();
                assert_eq!(bytes, [root as u8, round as u8, 7]);
                assert_eq!(comm.share(vec![rank as u8; rank], root), Ok(vec![root as u8; root]));
                assert_eq!(comm.all_gather(&[]), Ok(Vec::new()));
            }
            (comm.rank(), comm.size())
        }));
        assert_eq!(ranks, (0..size).map(|rank| (rank, size)).collect::<Vec<_>>());
    }
}

#[test]
fn every_rank_learns_of_a_disagreement_and_can_go_on() {
    let results = on_ranks(4, |comm| {
        let rank = comm.rank();
        let error = comm.all_gather(&vec![0.0; if rank == 2 { 3 } else { 1 }]).unwrap_err();
        assert_eq!(error, CommError::Length { rank: 2, expected: 1, found: 3 });
        let error = comm.broadcast(&mut vec![0; if rank == 1 { 5 } else { 4 }], 3).unwrap_err();
        assert_eq!(error, CommError::Length { rank: 1, expected: 4, found: 5 });
        let error = comm.broadcast(&mut [0], usize::from(rank == 3)).unwrap_err();
        assert_eq!(error, CommError::OutOfStep { rank: 3 });
        let error = comm.broadcast(&mut [0], 4).unwrap_err();
        assert_eq!(error, CommError::NoSuchRank { root: 4, size: 4 });
        let error = if rank < 2 { comm.all_gather(&[0.0]).map(drop) } else { comm.broadcast(&mut [0], 0) };
        assert_eq!(error, Err(CommError::OutOfStep { rank: 2 }));
        comm.all_gather(&[1.0]).unwrap()
    });
    assert_eq!(all_ok(results), vec![vec![1.0; 4]; 4]);
}

#[test]
fn nobody_waits_for_a_rank_that_is_gone() {
    // It leaves before, or panics between, operations; at once or when the others already wait.
    for (pause, panics) in [(0, false), (0, true), (30, false), (30, true)] {
        let results = on_ranks(4, move |comm| {
            comm.all_gather(&[1.0]).unwrap();
            if comm.rank() == 2 {
                thread::sleep(Duration::from_millis(pause));
                if panics {
                    die();
                }
                return;
            }
            let lost = CommError::Lost { rank: 2 };
            assert_eq!(comm.all_gather(&[1.0]), Err(lost.clone()));
            // Whatever is tried next.
            assert_eq!(comm.broadcast(&mut [0], 0), Err(lost.clone()));
            assert_eq!(comm.all_gather(&[1.0]), Err(lost));
        });
        for (rank, result) in results.into_iter().enumerate() {
            assert_eq!(result.is_err(), panics && rank == 2);
        }
    }
}

#[test]
fn a_rank_may_leave_once_it_has_contributed() {
    for round in 0..100 {
        let results = on_ranks(3, move |comm| {
            if comm.rank() == round % 3 {
                thread::yield_now();
            }
            comm.all_gather(&[comm.rank() as f64])
        });
        assert_eq!(all_ok(results), vec![Ok(vec![0.0, 1.0, 2.0]); 3]);
    }
}
