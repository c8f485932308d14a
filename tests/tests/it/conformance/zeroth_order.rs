//! The laws of zeroth-order methods: every method, in every mode of restoring the point.

use std::cell::Cell;

use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use ciborium::Value;
use kiln_core::InputError;
use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{
    Alone, AnchorStorage, BatchObjective, Entry, Fidelity, Limit, LogHeader, Mezo, MezoSvrg, ModuleLoss,
    ReplayLog, Restore, Spsa, StepReport, SumOverBatch, Tuner, TunerState, ZerothOrder, ZoSvrg, hash,
};
use kiln_tensor::{Coordinates, Parameters};

use super::Suite;

const RESUME: &str = "a run that was saved and loaded goes on to the same bits";
const REPLAY: &str = "the log of a run leads to its bits without an evaluation";
const REFUSED: &str =
    "logs and states of other settings, methods or points are refused, and what differs is named";
const BUDGET: &str = "a budget ends the run, whatever the losses are";
const RESTORED: &str = "a step that learns nothing, or fails, leaves the module as it was";
const INPUT: &str = "bad input is a typed error";

static SUITE: Suite = Suite {
    domain: "zeroth order",
    laws: &[RESUME, REPLAY, REFUSED, BUDGET, RESTORED, INPUT],
    exceptions: &[],
};

const EXAMPLES: usize = 10;
const BATCH: usize = 4;

/// A method with its mode, whatever its type.
trait Row {
    fn name(&self) -> String;
    fn resumes(&self);
    fn replays(&self);
    fn refuses(&self);
    fn ends(&self);
    fn restores(&self);
    fn checks(&self);
}

/// The methods: a new one is a line here.
fn rows() -> Vec<Box<dyn Row>> {
    let mut rows: Vec<Box<dyn Row>> = Vec::new();
    for restore in [Restore::InPlace, Restore::Fused, Restore::Copy, Restore::Grid] {
        let mezo = Mezo { directions: 2, ..Mezo::new(0.01) };
        rows.push(Box::new(Tuner { restore, ..Tuner::new(mezo, BATCH, 3) }));
        rows.push(Box::new(Tuner { restore, ..Spsa::new(0.02, 0.01).tuner(BATCH, 3) }));
        for storage in [AnchorStorage::Textbook, AnchorStorage::RankOne, AnchorStorage::Replay] {
            for fidelity in
                [Fidelity::Corrected, Fidelity::SharedCycle, Fidelity::Independent, Fidelity::Official]
            {
                // Vectors leave the grid.
                if restore == Restore::Grid && storage == AnchorStorage::Textbook {
                    continue;
                }
                let method = MezoSvrg { storage, fidelity, anchor_period: 3, ..MezoSvrg::new(0.01, 0.005) };
                rows.push(Box::new(Tuner { restore, ..Tuner::new(method, BATCH, 3) }));
            }
        }
        for (shared_directions, rebuild_anchor) in [(false, false), (true, false), (true, true)] {
            let method = ZoSvrg {
                step_size: 1e-3,
                directions: 2,
                inner_steps: 3,
                shared_directions,
                rebuild_anchor,
                ..ZoSvrg::new(5)
            };
            rows.push(Box::new(Tuner { restore, ..method.tuner(BATCH, 3) }));
        }
    }
    rows
}

fn law(law: &str, holds: impl Fn(&dyn Row)) {
    SUITE.law(law, &rows(), |row| row.name(), |row| holds(&**row));
}

#[test]
fn saved_runs_go_on_to_the_same_bits() {
    law(RESUME, |row| row.resumes());
}

#[test]
fn logs_lead_to_the_same_bits() {
    law(REPLAY, |row| row.replays());
}

#[test]
fn other_settings_are_refused() {
    law(REFUSED, |row| row.refuses());
}

#[test]
fn budgets_end_runs() {
    law(BUDGET, |row| row.ends());
}

#[test]
fn modules_are_restored() {
    law(RESTORED, |row| row.restores());
}

#[test]
fn bad_input_is_typed() {
    law(INPUT, |row| row.checks());
}

fn base() -> Vec<f64> {
    (0..5).map(|j| f64::from(j).cos()).collect()
}

/// `½ Σⱼ (j + 1)(xⱼ − sin(i + j))²` of example `i`.
fn problem() -> impl BatchObjective<Point = Vec<f64>> {
    let loss = |i: usize, x: &Vec<f64>| -> f64 {
        x.iter().enumerate().map(|(j, x)| 0.5 * (j + 1) as f64 * (x - ((i + j) as f64).sin()).powi(2)).sum()
    };
    SumOverBatch::new(EXAMPLES, move |batch: &[usize], x: &Vec<f64>| batch.iter().map(|&i| loss(i, x)).sum())
        .unwrap()
}

fn steps<M: ZerothOrder>(tuner: &Tuner<M>, state: &mut TunerState<Vec<f64>>, count: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    let limit = Limit::Steps(state.step() + count);
    let note = |report: &StepReport, _: &mut TunerState<Vec<f64>>| {
        entries.push(report.entry());
        Ok(())
    };
    tuner.run(&problem(), state, &Alone, limit, note).unwrap();
    entries
}

/// A run of so many steps, as a log that went through its bytes.
fn logged<M: ZerothOrder>(tuner: &Tuner<M>, count: u64) -> (ReplayLog, TunerState<Vec<f64>>) {
    let base_hash = hash(&mut base()).unwrap();
    let mut state = tuner.start(EXAMPLES, base()).unwrap();
    let header = tuner.header(&mut state, base_hash, "a note".to_owned()).unwrap();
    let entries = steps(tuner, &mut state, count);
    let log = ReplayLog::new(header, entries, Some(state.hash().unwrap()));
    (ReplayLog::from_bytes(&log.to_bytes().unwrap()).unwrap(), state)
}

/// The same settings with one leaf changed, for every leaf that `change` changes, and the leaf's name.
fn changed<M: ZerothOrder>(
    tuner: &Tuner<M>,
    change: impl Fn(&Value) -> Vec<Value>,
) -> Vec<(String, Tuner<M>)> {
    fn walk(value: &Value, name: &str, change: &dyn Fn(&Value) -> Vec<Value>) -> Vec<(String, Value)> {
        let Value::Map(entries) = value else {
            return change(value).into_iter().map(|value| (name.to_owned(), value)).collect();
        };
        let mut found = Vec::new();
        for (place, (key, inner)) in entries.iter().enumerate() {
            for (name, inner) in walk(inner, &format!("{name}.{}", key.as_text().unwrap()), change) {
                let mut other = entries.clone();
                other[place].1 = inner;
                found.push((name, Value::Map(other)));
            }
        }
        found
    }
    let settings = Value::serialized(tuner).unwrap();
    let others = walk(&settings, "settings", &change);
    // Some words are none of the setting's.
    others.into_iter().filter_map(|(name, value)| Some((name, value.deserialized().ok()?))).collect()
}

/// Other values of a setting, whatever it is.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Integer(integer) => vec![Value::Integer((u64::try_from(*integer).unwrap() + 1).into())],
        Value::Float(float) => vec![Value::Float(0.5 * float + 0.25)],
        Value::Bool(bool) => vec![Value::Bool(!bool)],
        Value::Null => vec![Value::Float(2.0), Value::Integer(7.into())],
        Value::Text(text) => {
            let words = [
                "gaussian",
                "rademacher",
                "sphere",
                "central",
                "forward",
                "in-place",
                "fused",
                "copy",
                "grid",
                "rank-one",
                "replay",
                "corrected",
                "independent",
                "cyclic",
                "reshuffled",
                "skip",
                "halve-step-size",
                "abort",
            ];
            words.iter().filter(|word| *word != text).map(|&word| Value::Text(word.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}

/// A module, and what it computes of 10 inputs.
fn module() -> (Parameters<Linear>, Tensor<2>) {
    let device = Device::flex();
    device.seed(1);
    let start = Parameters::new(LinearConfig::new(3, 2).init(&device));
    let values: Vec<f64> = (0..start.dimension()).map(|k| (k as f64).sin()).collect();
    let inputs: Vec<f32> = (0..3 * EXAMPLES).map(|k| (k as f32).cos()).collect();
    (
        start.with_coordinates(&values).unwrap(),
        Tensor::<1>::from_data(&inputs[..], &device).reshape([EXAMPLES, 3]),
    )
}

impl<M: ZerothOrder + std::fmt::Debug> Row for Tuner<M> {
    fn name(&self) -> String {
        format!("{:?} {:?}", self.method, self.restore)
    }

    fn resumes(&self) {
        let mut state = self.start(EXAMPLES, base()).unwrap();
        steps(self, &mut state, 4);
        while !self.can_save(&state) {
            assert!(self.save(&mut state).is_err());
            steps(self, &mut state, 1);
        }
        let bytes = self.save(&mut state).unwrap();
        let mut resumed = self.load(&bytes, state.point.clone()).unwrap();
        assert_eq!(steps(self, &mut resumed, 10), steps(self, &mut state, 10));
        assert_eq!(resumed.point, state.point);
        assert_eq!(resumed.queries(), state.queries());
    }

    fn replays(&self) {
        let (log, live) = logged(self, 14);
        assert_eq!(self.replay(&log, base(), None).unwrap().point, live.point);
        // Part of the way without evaluations, and on with them.
        let mut state = self.replay(&log, base(), Some(5)).unwrap();
        assert_eq!(steps(self, &mut state, 9), log.entries[5..]);
        assert_eq!(state.point, live.point);
    }

    fn refuses(&self) {
        let (log, mut state) = logged(self, 6);
        let bytes = self.save(&mut state).ok();
        let others = changed(self, others);
        assert!(others.len() > 10, "{} settings can be changed", others.len());
        for (name, other) in others.iter().filter(|(_, other)| other.check().is_ok()) {
            let refused = |outcome: Result<TunerState<Vec<f64>>, OptimError>| match outcome {
                // The seed is a field of the log, too.
                Err(OptimError::State(message)) => {
                    assert!(message.contains(name) || name.contains("seed"), "{name}: {message}");
                }
                // A batch larger than the problem.
                Err(OptimError::Input(InputError::Setting { .. })) => {}
                other => panic!("{name}: {:?}", other.map(|state| state.point)),
            };
            refused(other.replay(&log, base(), None));
            if let Some(bytes) = &bytes {
                refused(other.load(bytes, base()));
            }
        }
        // Another method of the same settings.
        let header = LogHeader { method: "another".to_owned(), ..log.header.clone() };
        let foreign = ReplayLog::new(header, log.entries.clone(), log.final_hash);
        let error = self.replay(&foreign, base(), None).unwrap_err().to_string();
        assert!(error.contains("the log says another"), "{error}");
        // Another point: values, a longer one.
        for other in [vec![0.5; 5], vec![0.5; 6]] {
            assert!(matches!(self.replay(&log, other, None), Err(OptimError::State(_))));
        }
        if let Some(bytes) = bytes {
            assert!(matches!(self.load(&bytes, vec![0.0; 6]), Err(OptimError::State(_))));
            for cut in 0..bytes.len() {
                assert!(
                    matches!(self.load(&bytes[..cut], base()), Err(OptimError::State(_))),
                    "cut at {cut}"
                );
            }
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x10;
                assert!(matches!(self.load(&flipped, base()), Err(OptimError::State(_))), "flipped at {at}");
            }
        }
    }

    fn ends(&self) {
        let asked = Cell::new(0);
        for bad in [false, true] {
            asked.set(0);
            let counted = SumOverBatch::new(EXAMPLES, |batch: &[usize], x: &Vec<f64>| {
                asked.set(asked.get() + batch.len() as u64);
                assert!(asked.get() < 2000, "the budget does not end the run");
                if bad { f64::NAN } else { x.iter().map(|x| x * x).sum::<f64>() * batch.len() as f64 }
            })
            .unwrap();
            let mut state = self.start(EXAMPLES, base()).unwrap();
            let before = Cell::new(0);
            let mut steps = 0;
            self.run(&counted, &mut state, &Alone, Limit::Queries(500), |_, state| {
                assert!(before.replace(state.queries().examples) < 500);
                steps += 1;
                assert!(steps < 2000, "steps that cost nothing go on for ever");
                Ok(())
            })
            .unwrap();
            assert!(state.queries().examples >= 500);
            assert_eq!(state.queries().examples, asked.get());
            // Nothing more to spend.
            self.run(&counted, &mut state, &Alone, Limit::Queries(500), |_, _| panic!("a step")).unwrap();
            self.run(&counted, &mut state, &Alone, Limit::Steps(steps), |_, _| panic!("a step")).unwrap();
        }
    }

    fn restores(&self) {
        let (start, inputs) = module();
        let flat = ModuleLoss::new(EXAMPLES, |model: &Linear, batch: &[usize]| {
            model.forward(inputs.clone()).slice([0..batch.len(), 0..1]).flatten::<1>(0, 1) * 0.0
        })
        .unwrap();
        let mut state = self.start(EXAMPLES, start.clone()).unwrap();
        let before = state.point.coordinates().unwrap();
        let unchanged = |state: &TunerState<Parameters<Linear>>| {
            for (new, old) in state.point.coordinates().unwrap().iter().zip(&before) {
                // 2 ulp of |θ| + |εz| for each difference.
                let rounding = if self.restore.is_exact() { 0.0 } else { 50.0 * f64::from(f32::EPSILON) };
                assert!((new - old).abs() <= rounding * (1.0 + old.abs()), "{old} became {new}");
            }
        };
        for _ in 0..4 {
            self.step(&flat, &mut state, &Alone).unwrap();
            unchanged(&state);
        }
        // A problem that fails at its first, second, … evaluation.
        for fails in 1..8 {
            let count = Cell::new(0);
            let wrong = ModuleLoss::new(EXAMPLES, |_: &Linear, batch: &[usize]| {
                count.set(count.get() + 1);
                let length = if count.get() == fails { batch.len() + 1 } else { batch.len() };
                Tensor::<1>::zeros([length], &inputs.device())
            })
            .unwrap();
            let mut state = self.start(EXAMPLES, start.clone()).unwrap();
            let outcome = self.step(&wrong, &mut state, &Alone);
            assert!(matches!(outcome, Ok(_) | Err(OptimError::Input(InputError::Size { .. }))));
            unchanged(&state);
        }
    }

    fn checks(&self) {
        let typed = |outcome: Result<TunerState<Vec<f64>>, OptimError>, what: &str| {
            assert!(
                matches!(outcome, Err(OptimError::Input(_))),
                "{what}: {:?}",
                outcome.map(|state| state.point)
            );
        };
        let numbers = |value: &Value| match value {
            Value::Float(_) => [f64::NAN, f64::INFINITY, -1.0].map(Value::Float).to_vec(),
            _ => Vec::new(),
        };
        let bad = changed(self, numbers);
        assert!(!bad.is_empty());
        for (name, tuner) in bad {
            typed(tuner.start(EXAMPLES, base()), &name);
        }
        for batch_size in [0, EXAMPLES + 1, usize::MAX] {
            typed(Tuner { batch_size, ..self.clone() }.start(EXAMPLES, base()), "batch_size");
        }
        typed(Tuner { groups: 0, ..self.clone() }.start(EXAMPLES, base()), "groups");
        typed(Tuner { clip: Some(f32::NAN), ..self.clone() }.start(EXAMPLES, base()), "clip");
        typed(self.start(0, base()), "no examples");
        typed(self.start(EXAMPLES, Vec::new()), "no parameters");
        typed(self.start(EXAMPLES, vec![f64::NAN]), "a parameter");
        // A problem of another size than the run began with.
        let mut state = self.start(EXAMPLES + 1, base()).unwrap();
        let error = self.step(&problem(), &mut state, &Alone).unwrap_err();
        assert!(matches!(error, OptimError::Input(InputError::Size { .. })), "{error}");
        assert_eq!(state.step(), 0);
        // Entries of other steps.
        let (log, _) = logged(self, 2);
        for entry in &log.entries {
            let mut scalars = entry.scalars.clone().unwrap();
            scalars.push(0.0);
            let mut state = self.start(EXAMPLES, base()).unwrap();
            let entry = Entry { scalars: Some(scalars), ..entry.clone() };
            assert!(matches!(self.replay_step(&entry, &mut state), Err(OptimError::State(_))));
        }
    }
}
