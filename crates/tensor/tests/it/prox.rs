use faer::{MatRef, Side};
use kiln_core::InputError;
use kiln_tensor::prox::{
    Bounds, ConstraintSet, GroupLasso, L1, L1Ball, L2Ball, LowRank, NonNegative, NuclearNorm, Orthonormal,
    Prox, Simplex, SparseVectors, Sphere, SquaredL2,
};
use kiln_tensor::{Coordinates, Parameters, TensorError, Vector, device_tests};
use proptest::prelude::*;

const ROWS: usize = 4;
const COLUMNS: usize = 3;
const SIZE: usize = ROWS * COLUMNS;

type Regularizers<V> = Vec<(&'static str, Box<dyn Prox<V>>)>;
type AnySet = Box<dyn ConstraintSet<Vec<f64>>>;
type Norm<'a> = &'a dyn Fn(&[f64]) -> f64;
type Sets<V> = Vec<(&'static str, Box<dyn ConstraintSet<V>>)>;

macro_rules! named {
    ($($map:expr),* $(,)?) => { vec![$((stringify!($map), Box::new($map) as _)),*] };
}

fn convex_sets() -> Sets<Vec<f64>> {
    named![
        Bounds { lower: -0.5, upper: 1.0 },
        NonNegative,
        L1Ball { radius: 1.5 },
        L2Ball { radius: 1.5 },
        Simplex { total: 2.0 },
    ]
}

fn vector() -> impl Strategy<Value = Vec<f64>> {
    let entry = prop_oneof![4 => -3.0..3.0, 1 => Just(0.0), 1 => Just(1.0), 1 => -1e-3..1e-3];
    prop::collection::vec(entry, SIZE)
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn after<V: Clone, P: Prox<V> + ?Sized>(map: &P, step: f64, x: &V) -> V {
    let mut moved = x.clone();
    map.prox(step, &mut moved).unwrap();
    moved
}

fn singular_values(x: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let x = MatRef::from_row_major_slice(x, rows, columns);
    let mut squares = (x.transpose() * x).self_adjoint_eigenvalues(Side::Lower).unwrap();
    squares.reverse();
    squares.into_iter().map(|square| square.max(0.0).sqrt()).collect()
}

proptest! {
    #[test]
    fn sparse_is_the_best_of_all_supports(x in prop::collection::vec(-2_i8..=2, 1..8), nonzeros in 0_usize..8) {
        let x: Vec<f64> = x.into_iter().map(f64::from).collect();
        let p = after(&SparseVectors { nonzeros }, 1.0, &x);
        prop_assert!(p.iter().filter(|p| **p != 0.0).count() <= nonzeros);
        let best = (0_u32..1 << x.len())
            .filter(|support| support.count_ones() as usize <= nonzeros)
            .map(|support| (0..x.len()).filter(|i| support >> i & 1 == 0).map(|i| x[i] * x[i]).sum::<f64>())
            .fold(f64::INFINITY, f64::min);
        prop_assert_eq!(distance(&x, &p).powi(2).round(), best);
    }

    /// Eckart and Young: the squared error is the sum of the squares of the singular values left out.
    #[test]
    fn low_rank_attains_the_best_error(x in vector(), rank in 0_usize..4) {
        for (rows, columns) in [(ROWS, COLUMNS), (COLUMNS, ROWS), (SIZE, 1)] {
            let p = after(&LowRank { rank, rows, columns }, 1.0, &x);
            let best: f64 = singular_values(&x, rows, columns).iter().skip(rank).map(|v| v * v).sum();
            prop_assert!((distance(&x, &p).powi(2) - best).abs() <= 1e-10, "{rows}x{columns}");
            prop_assert!(singular_values(&p, rows, columns).iter().skip(rank).all(|v| *v < 1e-6));
        }
    }

    /// The definition, and that no smaller coefficient would do.
    #[test]
    fn concavity_bounds_every_triple(x in vector(), y in vector(), direction in vector(), t in 0.0..0.9) {
        let spectral = |v: &[f64]| singular_values(v, ROWS, COLUMNS)[0];
        let largest = |v: &[f64]| v.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
        let cases: Vec<(AnySet, Norm)> = vec![
            (Box::new(Sphere { radius: 2.0 }), &|v| distance(v, &[0.0; SIZE])),
            (Box::new(SparseVectors { nonzeros: 3 }), &largest),
            (Box::new(LowRank { rank: 2, rows: ROWS, columns: COLUMNS }), &spectral),
            (Box::new(Orthonormal { rows: ROWS, columns: COLUMNS }), &spectral),
        ];
        for (set, norm) in cases {
            let x = after(&*set, 1.0, &x);
            let y = x.lerp(&after(&*set, 1.0, &y), t).unwrap();
            let y = after(&*set, 1.0, &y);
            let mut z = x.clone();
            z.axpy(t, &direction).unwrap();
            // z projects on its own nearest point, which replaces x.
            let x = after(&*set, 1.0, &z);
            let (dy, dz) = (y.sub(&x).unwrap(), z.sub(&x).unwrap());
            let bound = set.concavity(&x).unwrap() * norm(&dz) * dy.dot(&dy).unwrap();
            prop_assert!(bound.is_nan() || dy.dot(&dz).unwrap() <= bound * (1.0 + 1e-9) + 1e-10);
        }
    }
}

#[test]
fn concavity_is_attained() {
    // On the sphere by z inside of it; else by moving the weakest part of x where z − x points.
    let sphere = Sphere::default();
    let attained = |x: &[f64], y: &[f64], z: &[f64], norm: f64| {
        let (dy, dz) = (y.to_vec().sub(&x.to_vec()).unwrap(), z.to_vec().sub(&x.to_vec()).unwrap());
        dy.dot(&dz).unwrap() / (norm * dy.dot(&dy).unwrap())
    };
    let ratio = attained(&[1.0, 0.0], &[0.6, 0.8], &[0.25, 0.0], 0.75);
    assert!((ratio - sphere.concavity(&vec![1.0, 0.0]).unwrap()).abs() < 1e-15);

    let sparse = SparseVectors { nonzeros: 2 };
    let ratio = attained(&[3.0, 2.0, 0.0], &[3.0, 0.0, 2.0], &[3.0, 2.0, 1.0], 1.0);
    assert_eq!(ratio, sparse.concavity(&vec![3.0, 2.0, 0.0]).unwrap());
    assert_eq!(sparse.concavity(&vec![3.0, 0.0, 0.0]).unwrap(), f64::INFINITY);

    let diagonal = |d: [f64; 3]| vec![d[0], 0.0, 0.0, 0.0, d[1], 0.0, 0.0, 0.0, d[2]];
    let low_rank = LowRank { rank: 2, rows: 3, columns: 3 };
    let x = diagonal([3.0, 2.0, 0.0]);
    let ratio = attained(&x, &diagonal([3.0, 0.0, 2.0]), &diagonal([3.0, 2.0, 1.0]), 1.0);
    assert!((ratio - low_rank.concavity(&x).unwrap()).abs() < 1e-15);

    let frames = Orthonormal { rows: 3, columns: 3 };
    let ratio = attained(&diagonal([1.0; 3]), &diagonal([1.0, 1.0, -1.0]), &diagonal([1.0, 1.0, 0.5]), 0.5);
    assert_eq!(ratio, frames.concavity(&diagonal([1.0; 3])).unwrap());

    for (name, set) in convex_sets() {
        assert_eq!(set.concavity(&vec![0.0; SIZE]).unwrap(), 0.0, "{name}");
    }
}

#[test]
fn closed_forms() {
    let prox = |map: &dyn Prox<Vec<f64>>, x: &[f64]| after(map, 1.0, &x.to_vec());
    assert_eq!(prox(&Simplex::default(), &[0.5, 0.5, -7.0]), [0.5, 0.5, 0.0]);
    // Sums of such entries overflow; the projection does not.
    assert_eq!(prox(&Simplex::default(), &[1e308, 1e308, -1e308]), [0.5, 0.5, 0.0]);
    assert_eq!(prox(&Simplex { total: 2.0 }, &[-1e308, -1.7e308]), [2.0, 0.0]);
    assert_eq!(prox(&L1Ball { radius: 1.0 }, &[1e308, -1e308, 3.0]), [0.5, -0.5, 0.0]);
    assert_eq!(prox(&Simplex::default(), &[5.0]), [1.0]);
    assert_eq!(prox(&Simplex { total: 3.0 }, &[1.0, 1.0, 1.0]), [1.0; 3]);
    assert_eq!(prox(&L1Ball { radius: 1.0 }, &[-3.0, 1.0]), [-1.0, 0.0]);
    assert_eq!(prox(&L1Ball { radius: 9.0 }, &[-3.0, 1.0]), [-3.0, 1.0]);
    // A norm that rounding puts above the radius that it has.
    let mut x = vec![
        0.0,
        1.0,
        0.0,
        1.0,
        0.0,
        1.0,
        2.304_664_215_592_279,
        0.978_232_827_118_130_8,
        0.0,
        1.0,
        0.0,
        1.0,
    ];
    for _ in 0..3 {
        x = prox(&L1Ball { radius: 1.5 }, &x);
    }
    assert!((x.iter().sum::<f64>() - 1.5).abs() < 1e-15);
    assert_eq!(prox(&L2Ball { radius: 1.0 }, &[3.0, -4.0]), [3.0 * 0.2, -4.0 * 0.2]);
    assert_eq!(prox(&Sphere::default(), &[0.0, 0.0]), [1.0, 0.0]);
    assert_eq!(prox(&SparseVectors { nonzeros: 2 }, &[1.0, -1.0, 1.0]), [1.0, -1.0, 0.0]);
    assert_eq!(prox(&SquaredL2 { weight: 1.0 }, &[4.0]), [2.0]);
    let rows = GroupLasso::consecutive(1.0, 5, 4).unwrap();
    assert_eq!(rows.groups, [vec![0, 1, 2, 3], vec![4]]);
    assert_eq!(prox(&rows, &[3.0, 0.0, 0.0, 4.0, 0.5]), [3.0 * 0.6, 0.0, 0.0, 4.0 * 0.6, 0.0]);
    let diagonal = prox(&NuclearNorm { weight: 1.0, rows: 2, columns: 2 }, &[3.0, 0.0, 0.0, 0.5]);
    assert!(distance(&diagonal, &[2.0, 0.0, 0.0, 0.0]) < 1e-15);
    assert_eq!(NonNegative.value(&vec![-0.1]).unwrap(), f64::INFINITY);
    assert_eq!(NonNegative.value(&vec![f64::NAN]).unwrap(), f64::INFINITY);
    let pair = after(&(Sphere::default(), NonNegative), 1.0, &(vec![0.0, 4.0], vec![-1.0]));
    assert_eq!(pair, (vec![0.0, 1.0], vec![0.0]));
}

#[test]
fn bad_input_is_refused_and_leaves_the_vector() {
    let refused: Regularizers<Vec<f64>> = named![
        L1 { weight: -1.0 },
        L1 { weight: f64::NAN },
        SquaredL2 { weight: f64::INFINITY },
        GroupLasso { weight: -1.0, groups: vec![] },
        GroupLasso { weight: 1.0, groups: vec![vec![0], vec![0]] },
        GroupLasso { weight: 1.0, groups: vec![vec![4]] },
        NuclearNorm { weight: -1.0, rows: 2, columns: 2 },
        NuclearNorm { weight: 1.0, rows: 3, columns: 2 },
        NuclearNorm { weight: 1.0, rows: usize::MAX, columns: 2 },
        Bounds { lower: 1.0, upper: 0.0 },
        Bounds { lower: f64::NAN, upper: 0.0 },
        Bounds { lower: 0.0, upper: f64::NAN },
        Bounds { lower: f64::INFINITY, upper: f64::INFINITY },
        L1Ball { radius: -1.0 },
        L2Ball { radius: f64::NAN },
        Simplex { total: 0.0 },
        Sphere { radius: 0.0 },
        LowRank { rank: 1, rows: 1, columns: 3 },
        Orthonormal { rows: 1, columns: 4 },
    ];
    for (name, map) in refused {
        let mut x = vec![1.0, 2.0, 3.0, 4.0];
        assert!(map.prox(1.0, &mut x).is_err(), "{name}");
        assert_eq!(x, [1.0, 2.0, 3.0, 4.0], "{name}");
    }
    let mut x = vec![1.0; 4];
    assert!(matches!(
        L1 { weight: 1.0 }.prox(-1.0, &mut x),
        Err(TensorError::Input(InputError::Setting { name: "step", .. }))
    ));
    for bad in [f64::NAN, f64::INFINITY] {
        let sorted_or_decomposed: Regularizers<Vec<f64>> = named![
            Simplex::default(),
            L1Ball { radius: 1.0 },
            SparseVectors { nonzeros: 1 },
            LowRank { rank: 1, rows: 2, columns: 2 },
            NuclearNorm { weight: 1.0, rows: 2, columns: 2 },
            Orthonormal { rows: 2, columns: 2 },
        ];
        for (name, map) in sorted_or_decomposed {
            let error = map.prox(1.0, &mut vec![0.0, 1.0, bad, 0.0]).unwrap_err();
            assert!(matches!(error, TensorError::Input(InputError::NotFinite { .. })), "{name}: {error}");
            assert!(error.to_string().contains("coordinate 2"), "{name}: {error}");
        }
    }
    assert!(Simplex::default().prox(1.0, &mut Vec::new()).is_err());
    assert!(Sphere::default().prox(1.0, &mut Vec::new()).is_err());
    let empty = NuclearNorm { weight: 1.0, rows: 0, columns: 3 };
    assert!(empty.prox(1.0, &mut Vec::new()).is_ok() && empty.value(&Vec::new()).unwrap() == 0.0);
    assert!(GroupLasso::consecutive(1.0, 4, 0).is_err());
}

device_tests! {
    fn modules_are_moved_as_one_vector(device) {
        let module = Parameters::new(burn::nn::LinearConfig::new(2, 3).init(&device.clone().autodiff()));
        let x = module.coordinates().unwrap();
        for expected in [after(&L1 { weight: 0.1 }, 1.0, &x), after(&Bounds { lower: -0.2, upper: 0.1 }, 1.0, &x)] {
            assert_ne!(expected, x);
        }
        let close = |found: &Parameters<_>, expected: &[f64]| {
            assert!(distance(&found.coordinates().unwrap(), expected) < 1e-6);
        };
        close(&after(&L1 { weight: 0.1 }, 1.0, &module), &after(&L1 { weight: 0.1 }, 1.0, &x));
        let bounds = Bounds { lower: -0.2, upper: 0.1 };
        close(&after(&bounds, 1.0, &module), &after(&bounds, 1.0, &x));
        let ball = L1Ball { radius: 0.5 };
        close(&after(&ball, 1.0, &module), &after(&ball, 1.0, &x));
        assert!(after(&bounds, 1.0, &module).as_ref().weight.val().is_require_grad());
    }
}
