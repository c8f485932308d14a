//! SAM, schedule-free training and SOAP against the authors' update rules in plain numbers.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{
    AdamConfig, GradientsParams, ModuleOptimizer, Optimizer, RecordState, SgdConfig, StateSink, StateSource,
};
use burn::tensor::{Device, Tensor};
use kiln_optim::OptimError;
use kiln_optim::faer::{Mat, Side};
use kiln_optim::first_order::{ScheduleFreeSgd, Sgd};
use kiln_optim::training::{Sam, ScheduleFree, Soap, SoapOptimizer, SoapState};
use kiln_optim::{Order, Sampler, Solver, Stop, run};
use kiln_tensor::{Coordinates, Parameters, Vector, device_tests};

use crate::core::{LeastSquares, distance};

const INPUTS: [[f64; 2]; 3] = [[1.0, 2.0], [0.5, -1.0], [-2.0, 0.3]];
const TARGETS: [[f64; 2]; 3] = [[1.0, 0.0], [2.0, -1.0], [0.5, 0.5]];
/// Weights row by row, then the bias.
const START: [f64; 6] = [0.3, -0.2, 0.5, 0.1, 0.0, 0.4];
const STEPS: usize = 12;

fn model(device: &Device) -> Linear {
    let model: Linear = LinearConfig::new(2, 2).init(&device.clone().autodiff());
    Parameters::new(model).with_coordinates(&START).unwrap().into_inner()
}

fn loss(model: &Linear) -> Tensor<1> {
    let device = model.weight.val().device();
    let (inputs, targets) =
        (Tensor::<2>::from_data(INPUTS, &device), Tensor::<2>::from_data(TARGETS, &device));
    (model.forward(inputs) - targets).powf_scalar(2.0).mean()
}

/// The same loss and its gradient in plain numbers.
fn plain(p: &[f64]) -> (f64, Vec<f64>) {
    let (mut loss, mut gradient) = (0.0, vec![0.0; 6]);
    for (input, target) in INPUTS.iter().zip(TARGETS) {
        for k in 0..2 {
            let error = input[0] * p[k] + input[1] * p[2 + k] + p[4 + k] - target[k];
            loss += error * error / 6.0;
            for (at, factor) in [(k, input[0]), (2 + k, input[1]), (4 + k, 1.0)] {
                gradient[at] += 2.0 * error * factor / 6.0;
            }
        }
    }
    (loss, gradient)
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn gradients(model: &Linear) -> GradientsParams {
    GradientsParams::from_grads(loss(model).backward(), model)
}

fn coordinates<M: Module>(model: M) -> Vec<f64> {
    Parameters::new(model).coordinates().unwrap()
}

device_tests! {
    /// The second gradient, at `w + ρ g/‖g‖`, applied at `w` by plain SGD.
    fn sam_steps_by_the_perturbed_gradient(device) {
        for radius in [0.0, 0.05, 0.5] {
            let mut optimizer: ModuleOptimizer = SgdConfig::new().init();
            let (mut model, mut expected) = (model(device), START.to_vec());
            for _ in 0..STEPS {
                let sharp = Sam { radius }.gradients(&model, loss).unwrap();
                model = optimizer.step(0.1, model, sharp.gradients);
                let (value, g) = plain(&expected);
                assert!((sharp.loss - value).abs() < 1e-5);
                assert!((sharp.gradient_norm - norm(&g)).abs() < 1e-5);
                let length = norm(&g);
                let ahead: Vec<f64> =
                    expected.iter().zip(&g).map(|(w, g)| w + radius * g / length).collect();
                let (_, sharp) = plain(&ahead);
                expected.iter_mut().zip(sharp).for_each(|(w, g)| *w -= 0.1 * g);
            }
            assert!(distance(&coordinates(model), &expected) < 1e-5, "{radius}");
        }
    }

    /// Over SGD and over Adam without momentum, with warmup and decay, against the authors' rule.
    fn schedule_free_follows_its_rule(device) {
        for (beta, weight_decay, warmup, adam) in
            [(0.9, 0.0, 0, false), (0.6, 0.1, 4, false), (0.9, 0.05, 3, true), (0.0, 0.0, 0, true)]
        {
            let settings = ScheduleFree { interpolation: beta, weight_decay, warmup };
            let mut optimizer: ModuleOptimizer = if adam {
                AdamConfig::new().with_beta_1(0.0).with_beta_2(0.99).with_epsilon(1e-8).init()
            } else {
                SgdConfig::new().init()
            };
            let mut training = settings.begin(model(device)).unwrap();
            let (mut z, mut x, mut v) = (START.to_vec(), START.to_vec(), vec![0.0; 6]);
            let mut squares = 0.0;
            for t in 1..=STEPS {
                let y: Vec<f64> = z.iter().zip(&x).map(|(z, x)| (1.0 - beta) * z + beta * x).collect();
                let at = training.module().unwrap();
                assert!(distance(&coordinates(at.clone()), &y) < 1e-4);
                training.step(&mut optimizer, 0.1, gradients(&at)).unwrap();
                let rate = 0.1 * if (t as u64) < warmup { t as f64 / warmup as f64 } else { 1.0 };
                let (_, g) = plain(&y);
                squares += rate * rate;
                for i in 0..6 {
                    // Burn holds β₂ in single precision.
                    let memory = f64::from(0.99_f32);
                    v[i] = memory * v[i] + (1.0 - memory) * g[i] * g[i];
                    let corrected = (v[i] / (1.0 - memory.powf(t as f64))).sqrt() + 1e-8;
                    z[i] -= rate * (if adam { g[i] / corrected } else { g[i] } + weight_decay * y[i]);
                    x[i] += rate * rate / squares * (z[i] - x[i]);
                }
                // Stored and read back half way.
                if t == STEPS / 2 {
                    let (z, x, progress) = training.into_parts();
                    let progress = serde_json::from_str(&serde_json::to_string(&progress).unwrap()).unwrap();
                    training = settings.resume(z, x, progress).unwrap();
                }
            }
            assert!(distance(&coordinates(training.average()), &x) < 1e-4, "{settings:?} {adam}");
        }
    }

    /// Two layers' worth of tensors, a matrix and a vector, against the authors' code in plain numbers.
    fn soap_follows_the_authors_code(device) {
        for basis_every in [1, 3, 100] {
            let settings = Soap { basis_every, weight_decay: 0.1, ..Soap::default() };
            let optimizer = settings.optimizer().unwrap();
            let mut w = Tensor::<2>::from_data([[0.3, -0.2, 1.0], [0.5, 0.1, -0.7]], device);
            let mut reference = Reference::new(settings);
            let mut state = None;
            for t in 0..STEPS {
                let wave = |i: usize, j: usize| ((t * 6 + i * 3 + j) as f64 * 1.3).sin();
                let g = Mat::from_fn(2, 3, |i, j| wave(i, j) + if i == j { 0.5 } else { 0.0 });
                reference.step(&g, 0.1);
                let values: Vec<f64> = (0..6).map(|k| g[(k / 3, k % 3)]).collect();
                let gradient = w.with_coordinates(&values).unwrap();
                (w, state) = optimizer.step(0.1, w, gradient, state);
                state = state.map(|state| stored(&state, device));
                let found = Mat::from_fn(2, 3, |i, j| w.coordinates().unwrap()[3 * i + j]);
                let off = (&found - &reference.w).norm_l2();
                assert!(off < 2e-3, "{basis_every} step {t}: {found:?} {:?}", reference.w);
            }
        }
    }

    /// Of a diagonal problem's vector SOAP is AdamW, and on a module it lowers the loss.
    fn soap_trains(device) {
        let mut model = model(device);
        let mut optimizer: ModuleOptimizer = Soap { weight_decay: 0.0, ..Soap::default() }.optimizer().unwrap().into();
        let before = plain(&coordinates(model.clone())).0;
        for _ in 0..150 {
            let g = gradients(&model);
            model = optimizer.step(0.03, model, g);
        }
        let after = plain(&coordinates(model)).0;
        assert!(after < 0.1 * before, "{before} {after}");
    }
}

fn stored<const D: usize>(state: &SoapState<D>, device: &Device) -> SoapState<D> {
    let mut sink = StateSink::default();
    state.state_flatten("p", &mut sink);
    let mut source = StateSource::new(sink.scalars.into_iter().collect());
    for (name, data) in sink.tensors {
        source.insert_tensor(name, data);
    }
    SoapState::state_unflatten("p", &mut source, device).unwrap()
}

/// SOAP of a matrix, as in the authors' `soap.py`, written again in `f64`.
struct Reference {
    settings: Soap,
    t: i32,
    w: Mat<f64>,
    m: Mat<f64>,
    v: Mat<f64>,
    moments: [Mat<f64>; 2],
    vectors: [Mat<f64>; 2],
}

impl Reference {
    fn new(settings: Soap) -> Self {
        let w = Mat::from_fn(2, 3, |i, j| [[0.3, -0.2, 1.0], [0.5, 0.1, -0.7]][i][j]);
        let (m, v) = (Mat::zeros(2, 3), Mat::zeros(2, 3));
        let square = || [Mat::zeros(2, 2), Mat::zeros(3, 3)];
        Self { settings, t: 0, w, m, v, moments: square(), vectors: square() }
    }

    fn step(&mut self, g: &Mat<f64>, lr: f64) {
        let Soap { momentum: b1, curvature_memory: b2, epsilon, weight_decay, basis_every, .. } =
            self.settings;
        self.t += 1;
        let first = self.t == 1;
        if !first {
            let [l, r] = &self.vectors;
            let p = l.transpose() * g * r;
            self.m = Mat::from_fn(2, 3, |i, j| b1 * self.m[(i, j)] + (1.0 - b1) * p[(i, j)]);
            self.v = Mat::from_fn(2, 3, |i, j| b2 * self.v[(i, j)] + (1.0 - b2) * p[(i, j)].powi(2));
            let step = lr * (1.0 - b2.powi(self.t)).sqrt() / (1.0 - b1.powi(self.t));
            let d = Mat::from_fn(2, 3, |i, j| self.m[(i, j)] / (self.v[(i, j)].sqrt() + epsilon));
            let d = l * d * r.transpose();
            self.w =
                Mat::from_fn(2, 3, |i, j| (self.w[(i, j)] - step * d[(i, j)]) * (1.0 - lr * weight_decay));
        }
        for (moment, outer) in self.moments.iter_mut().zip([g * g.transpose(), g.transpose() * g]) {
            *moment = Mat::from_fn(outer.nrows(), outer.nrows(), |i, j| {
                b2 * moment[(i, j)] + (1.0 - b2) * outer[(i, j)]
            });
        }
        if first {
            for (vectors, moment) in self.vectors.iter_mut().zip(&self.moments) {
                let eigen = moment.self_adjoint_eigen(Side::Lower).unwrap();
                let n = moment.nrows();
                *vectors = Mat::from_fn(n, n, |i, j| eigen.U()[(i, n - 1 - j)]);
            }
        } else if (self.t as u64).is_multiple_of(basis_every) {
            let m = &self.vectors[0] * &self.m * self.vectors[1].transpose();
            for side in 0..2 {
                let (moment, vectors) = (&self.moments[side], &self.vectors[side]);
                let n = moment.nrows();
                let image = vectors.transpose() * moment * vectors;
                let mut order: Vec<usize> = (0..n).collect();
                order.sort_by(|&i, &j| image[(j, j)].total_cmp(&image[(i, i)]));
                let v = self.v.clone();
                self.v =
                    Mat::from_fn(2, 3, |i, j| if side == 0 { v[(order[i], j)] } else { v[(i, order[j])] });
                let sorted = Mat::from_fn(n, n, |i, j| vectors[(i, order[j])]);
                self.vectors[side] = (moment * sorted).qr().compute_thin_Q();
            }
            self.m = self.vectors[0].transpose() * m * &self.vectors[1];
        }
    }
}

/// `β = 0`: `z` are the bits of SGD, and the iterate is their mean. Against the rule in plain numbers otherwise.
#[test]
fn schedule_free_sgd_averages() {
    let problem = LeastSquares::random(20, 3, 5);
    let (order, seed) = (Order::Reshuffled, 3);
    let start = vec![0.4; 3];
    let solver = ScheduleFreeSgd { order, interpolation: 0.0, ..ScheduleFreeSgd::new(0.05, seed) };
    let plain = Sgd { step_size: 0.05.into(), batch_size: 1, order, seed };
    let mut mean = vec![0.0; 3];
    for t in 1..=40_u64 {
        let z = run(&plain, &problem, start.clone(), &Stop::after(t)).unwrap().state.iterate;
        mean.axpy(1.0 / 40.0, &z).unwrap();
        if t == 40 {
            let found = run(&solver, &problem, start.clone(), &Stop::after(t)).unwrap().state;
            assert_eq!(found.memory.z(), &z);
            assert!(distance(&found.iterate, &mean) < 1e-13);
        }
    }
    let solver = ScheduleFreeSgd { order, ..ScheduleFreeSgd::new(0.05, seed) };
    let mut sampler = Sampler::new(order, 20, 1, seed).unwrap();
    let (mut z, mut x) = (start.clone(), start.clone());
    for t in 1..=200 {
        let y: Vec<f64> = z.iter().zip(&x).map(|(z, x)| 0.1 * z + 0.9 * x).collect();
        let g = problem.component(sampler.next_batch()[0], &y);
        for i in 0..3 {
            z[i] -= 0.05 * g[i];
            x[i] += (z[i] - x[i]) / f64::from(t);
        }
    }
    let found = run(&solver, &problem, start.clone(), &Stop::after(200)).unwrap().state;
    assert!(distance(&found.iterate, &x) < 1e-12);
    assert_eq!(found.work.components, 200);
    for interpolation in [-0.1, 1.1, f64::NAN] {
        let bad = ScheduleFreeSgd { interpolation, ..solver };
        assert!(matches!(bad.init(&problem, &start), Err(OptimError::Input(_))));
    }
}

#[test]
fn bad_settings_are_refused() {
    let device = Device::flex();
    for radius in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(Sam { radius }.gradients(&model(&device), loss), Err(OptimError::Input(_))));
    }
    let sam = Sam { radius: 0.1 };
    let two = |m: &Linear| m.bias.as_ref().unwrap().val();
    assert!(matches!(sam.gradients(&model(&device), two), Err(OptimError::Input(_))));
    let nan = |m: &Linear| loss(m) * f64::NAN;
    assert!(matches!(sam.gradients(&model(&device), nan), Err(OptimError::Input(_))));
    let constant = |_: &Linear| Tensor::<1>::ones([1], &Device::flex());
    assert!(matches!(sam.gradients(&model(&device), constant), Err(OptimError::Problem(_))));
    // A gradient of zero moves nothing, and is no division by it.
    let zero = |m: &Linear| loss(m) * 0.0;
    assert!(sam.gradients(&model(&device), zero).unwrap().gradient_norm == 0.0);

    for bad in [
        ScheduleFree { interpolation: 1.5, ..ScheduleFree::default() },
        ScheduleFree { weight_decay: -1.0, ..ScheduleFree::default() },
    ] {
        assert!(matches!(bad.begin(model(&device)), Err(OptimError::Input(_))));
    }
    let mut training = ScheduleFree::default().begin(model(&device)).unwrap();
    let at = training.module().unwrap();
    let mut optimizer: ModuleOptimizer = SgdConfig::new().init();
    for rate in [0.0, -1.0, f64::NAN] {
        assert!(matches!(training.step(&mut optimizer, rate, gradients(&at)), Err(OptimError::Input(_))));
    }

    let refused = |soap: Soap| assert!(matches!(soap.optimizer(), Err(OptimError::Input(_))), "{soap:?}");
    let good = Soap::default();
    refused(Soap { momentum: 1.0, ..good });
    refused(Soap { curvature_memory: -0.1, ..good });
    refused(Soap { epsilon: 0.0, ..good });
    refused(Soap { weight_decay: f64::NAN, ..good });
    refused(Soap { basis_every: 0, ..good });
    // A gradient that is not finite costs the step, not the program.
    let optimizer: SoapOptimizer = good.optimizer().unwrap();
    let w = Tensor::<2>::from_data([[1.0, 2.0], [3.0, 4.0]], &device);
    let (w, state) = optimizer.step(0.1, w.clone(), w * f64::NAN, None);
    let (_, state) = optimizer.step(0.1, w.clone(), w, state);
    assert!(state.is_some());
}
