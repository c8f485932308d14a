//! The laws of vector spaces and of proximal maps.
//!
//! A new kind of vector is a line in [`spaces`], a new proximal map a line in [`maps`].

use std::ops::Range;

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_tensor::prox::{
    Bounds, GroupLasso, L1, L1Ball, L2Ball, LowRank, NonNegative, NuclearNorm, Orthonormal, Prox, Simplex,
    SparseVectors, Sphere, SquaredL2,
};
use kiln_tensor::{Coordinates, Distribution, Noise, Parameters, Vector, devices};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::Suite;

const COMBINATION: &str = "a x + b y is that of the entries, and leaves x and y";
const PRODUCT: &str = "the inner product is symmetric, bilinear and positive, and obeys Cauchy and Schwarz";
const ZERO: &str = "zero, difference and interpolation";
const STRANGER: &str = "a vector of another space is refused and changes nothing";
const FIRM: &str = "convex: the proximal map is firmly nonexpansive";
const LEAST: &str = "no point has a smaller g(u) + ‖u − x‖² / (2 s) than the proximal map's";
const CONVEX: &str = "convex: the least is exceeded by at least ‖u − p‖² / (2 s)";
const PROJECTION: &str = "a set's projection is a member, stays, and does not depend on the step";
const DEVICE: &str = "every device gives what the host gives";
const BORDER: &str = "not-a-number, infinity and emptiness are an error or go through, never a panic";

static SUITE: Suite = Suite {
    domain: "tensor",
    laws: &[COMBINATION, PRODUCT, ZERO, STRANGER, FIRM, LEAST, CONVEX, PROJECTION, DEVICE, BORDER],
    exceptions: &[],
};

/// What single precision may lose in a `dot`, relative to `Σ|xᵢyᵢ|`: the bound that `Vector for Tensor`
/// states.
const SINGLE: f64 = 4e-6;
const DOUBLE: f64 = 1e-13;

/// Two reals and three vectors with entries that `f32` holds exactly.
#[derive(Clone, Debug)]
struct Input {
    a: f64,
    b: f64,
    x: Vec<f64>,
    y: Vec<f64>,
    z: Vec<f64>,
}

fn input(length: Range<usize>) -> impl Strategy<Value = Input> {
    let number = || prop_oneof![4 => -100.0_f32..100.0, 1 => Just(0.0), 1 => -1e-3_f32..1e-3];
    let entry = (number(), number(), number());
    (-3.0_f32..3.0, -3.0_f32..3.0, prop::collection::vec(entry, length)).prop_map(|(a, b, entries)| {
        let vector = |part: fn(&(f32, f32, f32)) -> f32| entries.iter().map(|e| f64::from(part(e))).collect();
        Input { a: a.into(), b: b.into(), x: vector(|e| e.0), y: vector(|e| e.1), z: vector(|e| e.2) }
    })
}

/// A kind of vector, each law for itself.
trait Space {
    fn name(&self) -> String;
    fn lengths(&self) -> Range<usize>;
    fn cases(&self) -> u32;
    fn combination(&self, input: &Input);
    fn product(&self, input: &Input);
    fn zero(&self, input: &Input);
    fn stranger(&self, input: &Input);
}

/// Makes a vector of its entries.
type Make<V> = Box<dyn Fn(&[f64]) -> V>;

struct Of<V> {
    name: String,
    /// Numbers of entries that it is tried with.
    lengths: Range<usize>,
    precision: f64,
    make: Make<V>,
    entries: fn(&V) -> Vec<f64>,
}

fn sum_of(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    x.iter().zip(y).map(|(x, y)| f(*x, *y)).sum()
}

fn magnitude(v: &[f64], w: &[f64]) -> f64 {
    sum_of(v, w, |v, w| (v * w).abs())
}

impl<V: Vector> Of<V> {
    fn close(&self, what: &str, measured: f64, expected: f64, scale: f64) {
        let error = (measured - expected).abs();
        let within = error <= self.precision * scale;
        assert!(within, "{what}: {measured}, expected {expected}: off by {error:e}");
    }

    fn combined(&self, input: &Input) -> V {
        let mut combined = (self.make)(&input.y);
        combined.scale(input.b);
        combined.axpy(input.a, &(self.make)(&input.x)).unwrap();
        combined
    }
}

impl<V: Vector> Space for Of<V> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn lengths(&self) -> Range<usize> {
        self.lengths.clone()
    }

    fn cases(&self) -> u32 {
        if self.precision == DOUBLE { 64 } else { 8 }
    }

    fn combination(&self, input: &Input) {
        let Input { a, b, .. } = *input;
        let found = (self.entries)(&self.combined(input));
        assert_eq!(found.len(), input.x.len());
        for ((found, x), y) in found.into_iter().zip(&input.x).zip(&input.y) {
            self.close("a x + b y", found, a * x + b * y, (a * x).abs() + (b * y).abs());
        }
        let (x, y) = ((self.make)(&input.x), (self.make)(&input.y));
        let mut moved = x.clone();
        moved.axpy(a, &y).unwrap();
        moved.scale(b);
        assert_eq!((self.entries)(&x), input.x, "the original of a copy");
        assert_eq!((self.entries)(&y), input.y, "an argument");
    }

    fn product(&self, input: &Input) {
        let Input { a, b, .. } = *input;
        let [x, y, z] = [&input.x, &input.y, &input.z].map(|v| (self.make)(v));
        let dot = x.dot(&y).unwrap();
        self.close("dot", dot, sum_of(&input.x, &input.y, |x, y| x * y), magnitude(&input.x, &input.y));
        self.close("symmetry", y.dot(&x).unwrap(), dot, magnitude(&input.x, &input.y));
        self.close(
            "linearity",
            self.combined(input).dot(&z).unwrap(),
            a * x.dot(&z).unwrap() + b * y.dot(&z).unwrap(),
            2.0 * (a.abs() * magnitude(&input.x, &input.z) + b.abs() * magnitude(&input.y, &input.z)),
        );
        let (norm_x, norm_y) = (x.norm().unwrap(), y.norm().unwrap());
        assert!(dot.abs() <= norm_x * norm_y * (1.0 + 2.0 * self.precision), "Cauchy-Schwarz");
        assert_eq!(norm_x == 0.0, input.x.iter().all(|x| *x == 0.0), "only zero has norm 0");
        // ‖x + a y‖² = ‖x‖² + 2 a ⟨x, y⟩ + a² ‖y‖².
        let mut moved = x.clone();
        moved.axpy(a, &y).unwrap();
        let expected = norm_x * norm_x + 2.0 * a * dot + a * a * norm_y * norm_y;
        let scale = 3.0 * (norm_x + a.abs() * norm_y).powi(2);
        self.close("axpy and dot", moved.norm().unwrap().powi(2), expected, scale);
    }

    fn zero(&self, input: &Input) {
        let (x, y) = ((self.make)(&input.x), (self.make)(&input.y));
        let zero = x.zeros_like();
        assert!((self.entries)(&zero).iter().all(|x| *x == 0.0));
        assert_eq!(zero.dot(&x).unwrap(), 0.0);
        let mut same = x.clone();
        same.axpy(1.0, &zero).unwrap();
        assert_eq!((self.entries)(&same), input.x);
        assert_eq!(x.sub(&x).unwrap().norm().unwrap(), 0.0);
        assert_eq!((self.entries)(&x.lerp(&y, 0.0).unwrap()), input.x);
        assert_eq!((self.entries)(&x.lerp(&y, 1.0).unwrap()), input.y);
    }

    fn stranger(&self, input: &Input) {
        // A vector of one entry more, where the space has vectors of several lengths.
        if self.lengths.len() < 2 {
            return;
        }
        let mut x = (self.make)(&input.x);
        let longer = (self.make)(&[&input.y[..], &[1.0]].concat());
        assert!(x.same_space(&longer).is_err() && longer.same_space(&x).is_err());
        assert!(x.axpy(1.0, &longer).is_err() && x.dot(&longer).is_err());
        assert!(x.sub(&longer).is_err() && x.lerp(&longer, 0.5).is_err());
        assert_eq!((self.entries)(&x), input.x, "changed by what was refused");
    }
}

fn space<V: Vector + 'static>(
    name: impl Into<String>,
    lengths: Range<usize>,
    precision: f64,
    make: impl Fn(&[f64]) -> V + 'static,
    entries: fn(&V) -> Vec<f64>,
) -> Box<dyn Space> {
    Box::new(Of { name: name.into(), lengths, precision, make: Box::new(make), entries })
}

fn tensor<const D: usize>(entries: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(entries.to_vec(), shape), device)
}

fn host<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.clone().inner().try_into_vec_as().unwrap()
}

/// The cells of a matrix that is stored by columns.
fn by_columns(entries: &[f64], device: &Device, dtype: DType) -> Tensor<3> {
    let data = TensorData::new(entries.to_vec(), [4, 3, entries.len() / 12]);
    Tensor::from_data(data, (device, dtype)).swap_dims(0, 2)
}

fn linear(entries: &[f64], device: &Device) -> Parameters<Linear> {
    let weight = Param::from_tensor(tensor(&entries[..12], [3, 4], device));
    let bias = Some(Param::from_tensor(tensor(&entries[12..], [4], device)));
    Parameters::new(Linear { weight, bias })
}

fn linear_entries(module: &Parameters<Linear>) -> Vec<f64> {
    let Linear { weight, bias } = module.as_ref();
    [host(&weight.val()), bias.iter().flat_map(|bias| host(&bias.val())).collect()].concat()
}

fn on_devices() -> Vec<(&'static str, Device)> {
    devices::all().into_iter().filter_map(|(name, found)| Some((name, found.ok()?))).collect()
}

/// All kinds of vectors, those of tensors on every device that is there.
fn spaces() -> Vec<Box<dyn Space>> {
    let mut spaces = vec![
        space("Vec<f64>", 0..200, DOUBLE, <[f64]>::to_vec, Clone::clone),
        space(
            "(Vec<f64>, Vec<f64>)",
            0..200,
            DOUBLE,
            |v| (v[..v.len() / 3].to_vec(), v[v.len() / 3..].to_vec()),
            |(u, v)| [&u[..], v].concat(),
        ),
    ];
    for (name, device) in on_devices() {
        let on = |what: &str| format!("{what} on {name}");
        let [d, e, f, g] = [0; 4].map(|_| device.clone());
        let gradients = device.clone().autodiff();
        let widest = if device.supports_dtype(DType::F64) { DType::F64 } else { DType::F32 };
        spaces.extend([
            space(on("Tensor<1>"), 0..200, SINGLE, move |v| tensor(v, [v.len()], &d), host),
            space(
                on("Tensor<1> with gradients"),
                0..200,
                SINGLE,
                move |v| tensor(v, [v.len()], &gradients).require_grad(),
                host,
            ),
            space(
                on("Tensor<3> in the widest type, not contiguous"),
                144..145,
                SINGLE,
                move |v| by_columns(v, &e, widest),
                |t| host(&t.clone().swap_dims(0, 2)),
            ),
            space(
                on("(Tensor<1>, Tensor<2>)"),
                30..31,
                SINGLE,
                move |v| (tensor(&v[..10], [10], &f), tensor(&v[10..], [4, 5], &f)),
                |(u, v)| [host(u), host(v)].concat(),
            ),
            space(on("Parameters"), 16..17, SINGLE, move |v| linear(v, &g), linear_entries),
        ]);
    }
    spaces
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) })
}

fn in_every_space(law: &str, holds: impl Fn(&dyn Space, &Input)) {
    SUITE.law(
        law,
        &spaces(),
        |space| space.name(),
        |space| {
            let tried = runner(space.cases()).run(&input(space.lengths()), |input| {
                holds(&**space, &input);
                Ok(())
            });
            if let Err(error) = tried {
                panic!("{error}");
            }
        },
    );
}

#[test]
fn combinations_are_entrywise() {
    in_every_space(COMBINATION, |space, input| space.combination(input));
}

#[test]
fn inner_products() {
    in_every_space(PRODUCT, |space, input| space.product(input));
}

#[test]
fn zero_and_interpolation() {
    in_every_space(ZERO, |space, input| space.zero(input));
}

#[test]
fn strangers_are_refused() {
    in_every_space(STRANGER, |space, input| space.stranger(input));
}

const ROWS: usize = 4;
const COLUMNS: usize = 3;
const SIZE: usize = ROWS * COLUMNS;

/// What a map is the proximal map of.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A convex function that is finite everywhere.
    Function,
    ConvexSet,
    Set,
}

/// A proximal map, of vectors on the host and of matrices on a device.
struct Map {
    name: &'static str,
    kind: Kind,
    host: Box<dyn Prox<Vec<f64>>>,
    device: Box<dyn Prox<Tensor<2>>>,
}

macro_rules! maps {
    ($($kind:ident: $map:expr),* $(,)?) => {
        vec![$(Map {
            name: stringify!($map),
            kind: Kind::$kind,
            host: Box::new($map),
            device: Box::new($map),
        }),*]
    };
}

/// All proximal maps, on vectors of twelve entries.
fn maps() -> Vec<Map> {
    maps![
        Function: L1 { weight: 0.7 },
        Function: SquaredL2 { weight: 0.7 },
        Function: GroupLasso { weight: 0.5, groups: vec![vec![0, 5, 2], vec![7], vec![3, 4]] },
        Function: NuclearNorm { weight: 0.7, rows: ROWS, columns: COLUMNS },
        Function: NuclearNorm { weight: 0.7, rows: COLUMNS, columns: ROWS },
        Function: (),
        ConvexSet: Bounds { lower: -0.5, upper: 1.0 },
        ConvexSet: Bounds { lower: f64::NEG_INFINITY, upper: 0.25 },
        ConvexSet: NonNegative,
        ConvexSet: L1Ball { radius: 1.5 },
        ConvexSet: L1Ball { radius: 0.0 },
        ConvexSet: L2Ball { radius: 1.5 },
        ConvexSet: Simplex { total: 2.0 },
        Set: Sphere { radius: 2.0 },
        Set: SparseVectors { nonzeros: 3 },
        Set: SparseVectors { nonzeros: 0 },
        Set: LowRank { rank: 1, rows: ROWS, columns: COLUMNS },
        Set: LowRank { rank: 2, rows: COLUMNS, columns: ROWS },
        Set: Orthonormal { rows: ROWS, columns: COLUMNS },
    ]
}

fn after<V: Clone, P: Prox<V> + ?Sized>(map: &P, step: f64, x: &V) -> V {
    let mut moved = x.clone();
    map.prox(step, &mut moved).unwrap();
    moved
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    sum_of(x, y, |x, y| (x - y).powi(2)).sqrt()
}

fn vector() -> impl Strategy<Value = Vec<f64>> {
    let entry = prop_oneof![4 => -3.0..3.0, 1 => Just(0.0), 1 => Just(1.0), 1 => -1e-3..1e-3];
    prop::collection::vec(entry, SIZE)
}

/// A vector to move, another one, how near it is to be, and a step.
fn for_every_map(law: &str, holds: impl Fn(&Map, &Vec<f64>, &Vec<f64>, f64)) {
    let tried = |map: &Map| {
        let run = runner(64).run(&(vector(), vector(), 0.1..3.0), |(x, u, step)| {
            holds(map, &x, &u, step);
            Ok(())
        });
        if let Err(error) = run {
            panic!("{error}");
        }
    };
    SUITE.law(law, &maps(), |map| map.name.to_owned(), tried);
}

impl Map {
    /// A point where `g` is finite.
    fn inside(&self, u: &Vec<f64>) -> Vec<f64> {
        if self.kind == Kind::Function { u.clone() } else { after(&*self.host, 1.0, u) }
    }

    /// `g(u) + ‖u − x‖² / (2 s)`
    fn objective(&self, x: &[f64], step: f64, u: &Vec<f64>) -> f64 {
        let g = if self.kind == Kind::Function { self.host.value(u).unwrap() } else { 0.0 };
        g + distance(u, x).powi(2) / (2.0 * step)
    }
}

#[test]
fn convex_maps_are_firmly_nonexpansive() {
    // ‖Px − Pu‖² ≤ ⟨Px − Pu, x − u⟩, which characterizes the proximal maps of convex functions up to a
    // gradient.
    for_every_map(FIRM, |map, x, u, step| {
        if map.kind != Kind::Set {
            let moved = after(&*map.host, step, x).sub(&after(&*map.host, step, u)).unwrap();
            let product = moved.dot(&x.sub(u).unwrap()).unwrap();
            assert!(moved.dot(&moved).unwrap() <= product + 1e-12);
        }
    });
}

#[test]
fn maps_find_the_least() {
    // Brute force: far points, points along the way to one, and points all around.
    for_every_map(LEAST, |map, x, u, step| {
        let p = after(&*map.host, step, x);
        let least = map.objective(x, step, &p);
        let noise = Noise { seed: u[0].to_bits(), distribution: Distribution::Gaussian };
        for try_ in 0..60 {
            let scale = 10_f64.powi(-(try_ % 6));
            let direction = if try_ < 6 {
                u.sub(&p).unwrap()
            } else {
                p.random_like(&noise, u64::from(try_.unsigned_abs())).unwrap()
            };
            let mut other = p.clone();
            other.axpy(scale, &direction).unwrap();
            let excess = map.objective(x, step, &map.inside(&other)) - least;
            assert!(excess >= -1e-10, "a point at {scale} is better by {:e}", -excess);
        }
    });
}

#[test]
fn convex_maps_find_it_strongly() {
    for_every_map(CONVEX, |map, x, u, step| {
        if map.kind != Kind::Set {
            let p = after(&*map.host, step, x);
            for near in [1.0, 0.1, 0.01] {
                let u = map.inside(&p.lerp(u, near).unwrap());
                let excess = map.objective(x, step, &u) - map.objective(x, step, &p);
                let excess = excess - distance(&u, &p).powi(2) / (2.0 * step);
                assert!(excess >= -1e-10, "{excess:e}");
            }
        }
    });
}

#[test]
fn projections_are_members_and_stay() {
    for_every_map(PROJECTION, |map, x, _, step| {
        if map.kind != Kind::Function {
            let p = after(&*map.host, 1.0, x);
            assert_eq!(p, after(&*map.host, step, x), "depends on the step");
            assert!(distance(&p, &after(&*map.host, 1.0, &p)) <= 1e-13, "does not stay");
            assert_eq!(map.host.value(&p).unwrap(), 0.0, "no member");
        }
    });
}

#[test]
fn devices_give_what_the_host_gives() {
    let devices = on_devices();
    let mut x = vec![0.0; SIZE];
    Noise { seed: 3, distribution: Distribution::Gaussian }.fill(0, 0, &mut x);
    let x: Vec<f64> = x.into_iter().map(|x| f64::from(x as f32)).collect();
    SUITE.law(
        DEVICE,
        &maps(),
        |map| map.name.to_owned(),
        |map| {
            let expected = after(&*map.host, 0.5, &x);
            for (name, device) in &devices {
                let tensor = tensor(&x, [ROWS, COLUMNS], device);
                let found = after(&*map.device, 0.5, &tensor);
                tensor.same_space(&found).unwrap();
                assert!(distance(&expected, &found.coordinates().unwrap()) < 2e-6, "{name}");
                if map.kind != Kind::Function {
                    assert_eq!(map.device.value(&found).unwrap(), 0.0, "{name}: no member");
                }
            }
        },
    );
}

#[test]
fn nothing_panics() {
    let devices = on_devices();
    SUITE.law(
        BORDER,
        &maps(),
        |map| map.name.to_owned(),
        |map| {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut x = vec![0.5; SIZE];
                x[7] = bad;
                let mut moved = x.clone();
                if map.host.prox(1.0, &mut moved).is_err() {
                    assert!(moved.iter().zip(&x).all(|(a, b)| a.to_bits() == b.to_bits()), "moved after all");
                }
                let _ = map.host.value(&x);
                for (_, device) in &devices {
                    let mut moved = tensor(&x, [ROWS, COLUMNS], device);
                    let _ = (map.device.value(&moved), map.device.prox(1.0, &mut moved));
                }
            }
            let _ = (map.host.value(&Vec::new()), map.host.prox(1.0, &mut Vec::new()));
            for (_, device) in &devices {
                let mut none = Tensor::<2>::zeros([0, COLUMNS], device);
                let _ = (map.device.value(&none), map.device.prox(1.0, &mut none));
            }
        },
    );
}
