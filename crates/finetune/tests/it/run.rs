use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use kiln_finetune::{
    Budget, Spent, Storage, TuningMethod, TuningObjective, TuningOutcome, TuningSettings, TuningStepSize,
    UpdateRule, Watcher, ZerothOrderSettings, tune,
};
use kiln_models::{Classifier, TextClassifier};
use kiln_optim::zeroth_order::{
    self, AnchorStorage, Difference, DirectionLaw, Fidelity, Mezo, MezoSvrg, ReplayLog, Restore, Tuner,
};
use kiln_tensor::Parameters;

use super::tiny;

const TEXTS: usize = 20;
const BATCH: usize = 6;

fn settings(method: TuningMethod, steps: u64) -> TuningSettings {
    TuningSettings {
        method,
        budget: Budget::Steps(steps),
        batch_size: BATCH,
        micro_batch: 4,
        objective: TuningObjective::CrossEntropy,
        weight_decay: 0.0,
        seed: 5,
        eval_every: 2,
        checkpoint_every: 2,
    }
}

fn zeroth_order(rule: UpdateRule, restore: Restore, distribution: DirectionLaw) -> TuningMethod {
    let difference = Difference::Central;
    TuningMethod::ZerothOrder(ZerothOrderSettings {
        rule,
        eps: 1e-3,
        distribution,
        restore,
        difference,
        anneal: None,
    })
}

fn mezo(restore: Restore, distribution: DirectionLaw, directions: usize) -> TuningMethod {
    // On the grid a parameter may not outgrow the largest one at the start.
    let step_size = TuningStepSize::Given(if restore == Restore::Grid { 1e-4 } else { 3e-2 });
    zeroth_order(UpdateRule::Mezo { step_size, directions }, restore, distribution)
}

fn mezo_svrg(storage: AnchorStorage, restore: Restore) -> TuningMethod {
    let rule = UpdateRule::MezoSvrg {
        anchor_step_size: TuningStepSize::Given(if restore == Restore::Grid { 1e-4 } else { 2e-2 }),
        step_size: TuningStepSize::Given(if restore == Restore::Grid { 1e-4 } else { 1e-3 }),
        anchor_period: 3,
        storage,
        fidelity: Fidelity::Corrected,
    };
    zeroth_order(rule, restore, DirectionLaw::Gaussian)
}

fn methods() -> Vec<(&'static str, TuningMethod)> {
    vec![
        ("mezo", mezo(Restore::Fused, DirectionLaw::Gaussian, 1)),
        ("mezo on the grid", mezo(Restore::Grid, DirectionLaw::Sphere, 2)),
        ("zo-sgd", mezo(Restore::Copy, DirectionLaw::Rademacher, 1)),
        ("mezo-svrg, textbook", mezo_svrg(AnchorStorage::Textbook, Restore::InPlace)),
        ("mezo-svrg, rank-one", mezo_svrg(AnchorStorage::RankOne, Restore::Fused)),
        ("mezo-svrg, replay", mezo_svrg(AnchorStorage::Replay, Restore::Grid)),
        ("sgd", TuningMethod::Sgd { step_size: 0.1 }),
        ("adam", TuningMethod::Adam { step_size: 1e-2 }),
    ]
}

fn storage(folder: &Path, resume: bool) -> Storage {
    let log = Some(folder.join("replay.zo"));
    Storage { folder: folder.to_owned(), resume, inputs: "tiny".to_owned(), log }
}

fn hash(model: Classifier) -> u64 {
    zeroth_order::hash(&mut Parameters::new(model)).unwrap()
}

/// The run's outcome without the seconds, and the hash of its model.
fn go(
    settings: &TuningSettings,
    storage: Option<&Storage>,
    watcher: &mut dyn Watcher,
) -> (TuningOutcome, u64) {
    let (train, held_out) = (tiny::examples(TEXTS, 1), tiny::examples(9, 2));
    let (model, mut outcome) = tune(tiny::model(), &train, &held_out, settings, storage, watcher).unwrap();
    outcome.spent.seconds = 0.0;
    outcome.evaluations.iter_mut().for_each(|evaluation| evaluation.spent.seconds = 0.0);
    (outcome, hash(model))
}

fn refusal(settings: &TuningSettings, storage: Option<&Storage>) -> String {
    let (train, held_out) = (tiny::examples(TEXTS, 1), tiny::examples(9, 2));
    tune(tiny::model(), &train, &held_out, settings, storage, &mut ()).unwrap_err().to_string()
}

struct Killer {
    at: u64,
}

impl Watcher for Killer {
    fn stepped(&mut self, step: u64, _: f64, _: bool, _: &Spent) {
        assert!(step < self.at, "killed");
    }
}

/// Runs until a step and dies in it.
fn killed(settings: &TuningSettings, storage: &Storage, at: u64) {
    let dead = catch_unwind(AssertUnwindSafe(|| go(settings, Some(storage), &mut Killer { at })));
    assert!(dead.is_err(), "it was to die at step {at}");
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    for (name, method) in methods() {
        let settings = settings(method, 9);
        let whole = go(&settings, None, &mut ());
        let folder = tempfile::tempdir().unwrap();
        // Before the first checkpoint, on one, and between two.
        for at in [1, 4, 8] {
            killed(&settings, &storage(folder.path(), true), at);
        }
        let resumed = go(&settings, Some(&storage(folder.path(), true)), &mut ());
        assert_eq!(resumed, whole, "{name}");
        assert_eq!(whole.0.steps, 9);
        let steps: Vec<_> = whole.0.evaluations.iter().map(|evaluation| evaluation.step).collect();
        assert_eq!(steps, [0, 2, 4, 6, 8, 9], "{name}");
    }
}

#[test]
fn a_finished_run_goes_on_to_more_steps() {
    for (name, method) in methods() {
        // Nine: a multiple of the anchor's period, so that every method can save at the end.
        let folder = tempfile::tempdir().unwrap();
        let (_, short) = go(&settings(method, 9), Some(&storage(folder.path(), false)), &mut ());
        let (_, long) = go(&settings(method, 13), Some(&storage(folder.path(), true)), &mut ());
        let (_, whole) = go(&settings(method, 13), None, &mut ());
        assert_eq!(long, whole, "{name}");
        assert_ne!(long, short, "{name}");
    }
}

#[test]
fn the_log_leads_to_the_same_weights() {
    fn check<M: zeroth_order::ZerothOrder>(log: &ReplayLog, expected: u64, name: &str) {
        let tuner: Tuner<M> = log.header.settings().unwrap();
        let state = tuner.replay(log, Parameters::new(tiny::model()), None).unwrap();
        assert_eq!(hash(state.point.into_inner()), expected, "{name}");
    }
    for (name, method) in methods() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(method, 8);
        killed(&settings, &storage(folder.path(), false), 5);
        let (outcome, expected) = go(&settings, Some(&storage(folder.path(), true)), &mut ());
        let path = folder.path().join("replay.zo");
        let TuningMethod::ZerothOrder(method) = method else {
            assert!(!path.exists() && outcome.hash.is_none(), "{name} leaves no log");
            continue;
        };
        let log = ReplayLog::open(&path).unwrap();
        assert_eq!((log.entries.len(), log.final_hash), (8, Some(expected)), "{name}");
        assert_eq!(outcome.hash, Some(expected), "{name}");
        match method.rule {
            UpdateRule::Mezo { .. } => check::<Mezo>(&log, expected, name),
            UpdateRule::MezoSvrg { .. } => check::<MezoSvrg>(&log, expected, name),
        }
    }
}

#[test]
fn another_run_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let first = settings(mezo(Restore::Fused, DirectionLaw::Gaussian, 1), 2);
    go(&first, Some(&storage(folder.path(), false)), &mut ());

    let occupied = refusal(&first, Some(&storage(folder.path(), false)));
    assert!(occupied.contains("checkpoint: there is a run already") && occupied.contains("--resume"));
    let more = TuningSettings { budget: Budget::Steps(3), eval_every: 0, checkpoint_every: 0, ..first };
    let other_seed = refusal(&TuningSettings { seed: 6, ..more }, Some(&storage(folder.path(), true)));
    assert!(other_seed.contains("seed was 5 and now is 6"), "{other_seed}");
    let sgd = TuningSettings { method: TuningMethod::Sgd { step_size: 0.1 }, ..more };
    assert!(refusal(&sgd, Some(&storage(folder.path(), true))).contains("method was"));
    let inputs = Storage { inputs: "huge".to_owned(), ..storage(folder.path(), true) };
    assert!(refusal(&more, Some(&inputs)).contains("it was on tiny, and now it is huge"));
    go(&more, Some(&storage(folder.path(), true)), &mut ());
}

#[test]
fn a_damaged_checkpoint_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let first = settings(mezo(Restore::Fused, DirectionLaw::Gaussian, 1), 2);
    go(&first, Some(&storage(folder.path(), false)), &mut ());
    let path = folder.path().join("checkpoint");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 20, 60, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = refusal(&first, Some(&storage(folder.path(), true)));
        assert!(error.contains("checkpoint: the checkpoint is"), "{length} bytes: {error}");
    }
    for place in [0, 8, 16, 200, whole.len() - 100, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[place] ^= 4;
        std::fs::write(&path, &changed).unwrap();
        let error = refusal(&first, Some(&storage(folder.path(), true)));
        assert!(error.contains("damaged"), "byte {place}: {error}");
    }
    std::fs::write(&path, &whole).unwrap();
    std::fs::remove_file(folder.path().join("replay.zo")).unwrap();
    let error = refusal(&first, Some(&storage(folder.path(), true)));
    assert!(error.contains("replay.zo: the log is not there"), "{error}");
}

#[test]
fn costs_are_counted() {
    let (queries, gradients) = {
        let (outcome, _) = go(&settings(mezo(Restore::Fused, DirectionLaw::Gaussian, 2), 4), None, &mut ());
        (outcome.spent.queries, outcome.spent.gradients)
    };
    // Batches of 6 of 20: 6, 6, 6, 2. Two directions, two points each.
    assert_eq!((queries, gradients), (4 * TEXTS as u64, 0));
    let (outcome, _) = go(&settings(mezo_svrg(AnchorStorage::RankOne, Restore::Fused), 3), None, &mut ());
    assert_eq!(outcome.spent.queries, 2 * TEXTS as u64 + 2 * 4 * BATCH as u64);
    let (outcome, _) = go(&settings(TuningMethod::Adam { step_size: 1e-3 }, 3), None, &mut ());
    assert_eq!((outcome.spent.queries, outcome.spent.gradients), (0, 3 * BATCH as u64));

    let budget = Budget::Queries(50);
    let by_values = TuningSettings { budget, ..settings(mezo(Restore::Fused, DirectionLaw::Gaussian, 1), 0) };
    let (outcome, _) = go(&by_values, None, &mut ());
    assert_eq!((outcome.steps, outcome.spent.queries), (5, 52));
    let (outcome, _) =
        go(&TuningSettings { budget, ..settings(TuningMethod::Sgd { step_size: 0.1 }, 0) }, None, &mut ());
    assert_eq!((outcome.steps, outcome.spent.gradients), (3, 18));
}

#[test]
fn every_method_learns() {
    let rule = UpdateRule::Mezo { step_size: TuningStepSize::Given(1e-2), directions: 4 };
    let small_steps = zeroth_order(rule, Restore::Fused, DirectionLaw::Gaussian);
    for (name, method, steps) in [
        ("adam", TuningMethod::Adam { step_size: 3e-2 }, 60),
        ("sgd", TuningMethod::Sgd { step_size: 0.2 }, 200),
        ("mezo", small_steps, 1500),
        ("mezo-svrg", mezo_svrg(AnchorStorage::RankOne, Restore::Fused), 1200),
    ] {
        let settings = TuningSettings { eval_every: 0, checkpoint_every: 0, ..settings(method, steps) };
        let train = tiny::examples(TEXTS, 1);
        let (_, outcome) = tune(tiny::model(), &train, &train, &settings, None, &mut ()).unwrap();
        let (first, last) = (outcome.evaluations[0], *outcome.last().unwrap());
        assert!((first.loss - 2_f64.ln()).abs() < 1e-6, "the head is zero at first: {}", first.loss);
        assert!(last.loss < 0.9 * first.loss, "{name}: {} to {}", first.loss, last.loss);
        assert_eq!(outcome.skipped, 0);
    }
}

#[test]
fn accuracy_and_f1_are_for_methods_without_gradients() {
    for objective in [TuningObjective::Accuracy, TuningObjective::F1] {
        let by_gradients = TuningSettings { objective, ..settings(TuningMethod::Sgd { step_size: 0.1 }, 2) };
        let error = refusal(&by_gradients, None);
        assert!(error.contains("have no gradient: choose --method mezo"), "{error}");
        let method = mezo(Restore::Fused, DirectionLaw::Gaussian, 1);
        let (outcome, _) = go(&TuningSettings { objective, ..settings(method, 6) }, None, &mut ());
        assert_eq!((outcome.steps, outcome.skipped), (6, 0));
    }
}

#[test]
fn pieces_of_a_batch_change_the_result_by_rounding_only() {
    for method in [mezo(Restore::Copy, DirectionLaw::Gaussian, 1), TuningMethod::Sgd { step_size: 0.1 }] {
        let losses = [1, 4, 64].map(|micro_batch| {
            let settings = TuningSettings { micro_batch, ..settings(method, 4) };
            go(&settings, None, &mut ()).0.last().unwrap().loss
        });
        assert!(losses.iter().all(|loss| (loss - losses[0]).abs() < 1e-4), "{losses:?}");
    }
}

#[test]
fn auto_chooses_a_step_size_once() {
    let rule = UpdateRule::Mezo { step_size: TuningStepSize::Auto, directions: 1 };
    let first = settings(zeroth_order(rule, Restore::Fused, DirectionLaw::Gaussian), 4);
    let folder = tempfile::tempdir().unwrap();
    let train = tiny::examples(TEXTS, 1);
    // The loss may not curve upwards at a head of zeros; then it says so.
    match tune(tiny::model(), &train, &train, &first, Some(&storage(folder.path(), false)), &mut ()) {
        Ok((_, outcome)) => {
            let TuningMethod::ZerothOrder(ZerothOrderSettings {
                rule: UpdateRule::Mezo { step_size: TuningStepSize::Given(chosen), .. },
                ..
            }) = outcome.method
            else {
                panic!("{:?}", outcome.method)
            };
            assert!(chosen > 0.0);
            let more = TuningSettings { budget: Budget::Steps(6), ..first };
            let (resumed, _) = go(&more, Some(&storage(folder.path(), true)), &mut ());
            assert_eq!(resumed.method, outcome.method);
        }
        Err(error) => assert!(error.to_string().contains("auto finds no bound"), "{error}"),
    }
}

#[test]
fn settings_out_of_range_are_named() {
    let good = settings(mezo(Restore::Fused, DirectionLaw::Gaussian, 1), 2);
    let bad = |change: &dyn Fn(&mut TuningSettings)| {
        let mut settings = good;
        change(&mut settings);
        refusal(&settings, None)
    };
    assert!(bad(&|s| s.batch_size = 0).contains("--batch-size: 0 of 20"));
    assert!(bad(&|s| s.batch_size = 21).contains("--batch-size: 21 of 20"));
    assert!(bad(&|s| s.micro_batch = 0).contains("--micro-batch"));
    assert!(bad(&|s| s.weight_decay = -1.0).contains("--weight-decay"));
    assert!(bad(&|s| s.method = TuningMethod::Adam { step_size: f64::NAN }).contains("--step-size"));
    assert!(bad(&|s| s.method = mezo(Restore::Fused, DirectionLaw::Gaussian, 0)).contains("directions"));
}

#[test]
fn frozen_parameters_stay() {
    for method in [mezo(Restore::Fused, DirectionLaw::Gaussian, 1), TuningMethod::Adam { step_size: 1e-2 }] {
        let train = tiny::examples(TEXTS, 1);
        let model = tiny::model().train_last(0);
        let before = model.clone();
        let (after, outcome) = tune(model, &train, &train, &settings(method, 5), None, &mut ()).unwrap();
        assert_eq!(outcome.parameters, 2 * 8 + 2);
        let embed = |model: &Classifier| {
            model.encoder().embed(train.tokens()).unwrap().try_into_vec_as::<f32>().unwrap()
        };
        assert_eq!(embed(&before), embed(&after));
        assert_ne!(hash(before), hash(after));
    }
}
