//! Filters and functions of wavelets.

use kiln_core::InputError;
use kiln_interpret::wavelet::{Boundary, Wavelet, WaveletError};

use crate::reference::{distance, numbers, reference};

fn named(name: &str) -> Wavelet {
    Wavelet::named(name).unwrap()
}

#[test]
fn filters_are_those_of_pywavelets() {
    let file = reference("filters.json");
    // PyWavelets' own digits end there.
    let tolerance = |name: &str| match name {
        name if name.starts_with("sym") => 2e-11,
        "bior4.4" | "bior5.5" | "bior6.8" => 1e-12,
        _ => 2e-16,
    };
    for (name, taps) in file["orthogonal"].as_object().unwrap() {
        let found = distance(named(name).dec_lo(), &numbers(taps));
        assert!(found <= tolerance(name), "{name}: {found:e}");
    }
    for (name, taps) in file["biorthogonal"].as_object().unwrap() {
        let (dec_lo, rec_lo) = (numbers(&taps["dec_lo"]), numbers(&taps["rec_lo"]));
        let wavelet = named(name);
        let found = distance(wavelet.dec_lo(), &dec_lo).max(distance(wavelet.rec_lo(), &rec_lo));
        assert!(found <= tolerance(name), "{name}: {found:e}");
        let reversed = |taps: &[f64]| taps.iter().rev().copied().collect::<Vec<_>>();
        let other = named(&name.replace("bior", "rbio"));
        assert_eq!(other.dec_lo(), reversed(wavelet.rec_lo()));
        assert_eq!(other.rec_lo(), reversed(wavelet.dec_lo()));
    }
}

#[test]
fn every_name_is_a_wavelet() {
    for name in Wavelet::names() {
        let wavelet: Wavelet = name.parse().unwrap();
        assert_eq!(wavelet.name(), name);
        let tolerance = if name == "dmey" { 5e-3 } else { 1e-15 };
        assert!(wavelet.pr_residual() <= tolerance, "{name}: {:e}", wavelet.pr_residual());
        let biorthogonal = name.contains("bio") && !name.ends_with("1.1");
        assert_eq!(wavelet.orthogonality_residual() > 5e-3, biorthogonal, "{name}");
        let sum: f64 = wavelet.dec_hi().iter().sum();
        assert!(sum.abs() < if name == "dmey" { 2e-3 } else { 1e-12 }, "{name}: {sum:e}");
        // What it is is what its own filters say.
        let again = if biorthogonal {
            Wavelet::biorthogonal(name, wavelet.dec_lo(), wavelet.rec_lo(), tolerance.max(1e-14))
        } else {
            Wavelet::orthogonal(name, wavelet.dec_lo(), tolerance.max(1e-14))
        };
        assert_eq!(again.as_ref(), Ok(&wavelet));
        assert_eq!(wavelet.dual().dual().dec_hi(), wavelet.dec_hi());
    }
    assert_eq!(named("db1").dec_lo(), named("haar").dec_lo());
    for name in [
        "", "db", "db0", "db39", "db04", "db+4", "sym1", "sym21", "coif0", "coif18", "coif1 ", "bior1.2",
        "bior", "rbio2.1", "dmey2", "haar1", "Haar", "morl", "ψ3",
    ] {
        let expected = WaveletError::Name { what: "wavelet", name: name.to_owned() };
        assert_eq!(Wavelet::named(name), Err(expected));
    }
    assert!(matches!("mirror".parse::<Boundary>(), Err(WaveletError::Name { what: "boundary mode", .. })));
    assert!(Boundary::ALL.iter().all(|mode| mode.name().parse() == Ok(*mode)));
}

/// `Σ k^p dec_hi[k] = 0` for `p` below the number of vanishing moments.
#[test]
fn moments_vanish() {
    let moments = |name: &str, expected: usize| {
        let wavelet = named(name);
        let middle = wavelet.filter_len() as f64 / 2.0;
        for (p, power) in (0..=expected).zip(0..) {
            let terms = wavelet.dec_hi().iter().enumerate();
            let terms: Vec<f64> = terms.map(|(k, tap)| tap * (k as f64 - middle).powi(power)).collect();
            let (sum, size) = (terms.iter().sum::<f64>(), terms.iter().map(|t| t.abs()).sum::<f64>());
            assert_eq!(sum.abs() <= 1e-11 * size, p < expected, "{name}: moment {p} is {sum:e} of {size:e}");
        }
    };
    for n in 2..=8 {
        moments(&format!("db{n}"), n);
        moments(&format!("sym{n}"), n);
    }
    (1..=3).for_each(|n| moments(&format!("coif{n}"), 2 * n));
    // Of ψ for analysis: as many as the synthesis filter has zeros.
    for (name, expected) in [("bior1.3", 1), ("bior2.4", 2), ("bior3.5", 3), ("bior4.4", 4), ("bior6.8", 6)] {
        moments(name, expected);
    }
}

#[test]
fn functions_are_those_of_pywavelets() {
    let file = reference("wavefun.json");
    for (name, expected) in file["functions"].as_object().unwrap() {
        let found = named(name).functions(5).unwrap();
        assert_eq!(found.step, 1.0 / 32.0);
        for (found, key) in [(found.scaling, "phi"), (found.wavelet, "psi")] {
            // PyWavelets has one more zero after those of Haar.
            let expected = numbers(&expected[key]);
            let (expected, after) = expected.split_at(found.len());
            assert!(distance(&found, expected) < 1e-9 && after.iter().all(|value| *value == 0.0), "{name}");
        }
    }
    for (pair, expected) in file["distance"].as_object().unwrap() {
        let (a, b) = pair.split_once('|').unwrap();
        let found = named(a).distance(&named(b));
        assert!((found - expected.as_f64().unwrap()).abs() < 1e-9, "{pair}: {found}");
        assert!((found - named(b).distance(&named(a))).abs() < 1e-12);
    }
}

#[test]
fn distances_are_blind_to_shifts_and_reversal() {
    for name in ["db3", "sym5", "coif2"] {
        let wavelet = named(name);
        assert_eq!(wavelet.distance(&wavelet), 0.0);
        // The reversed filter has the reversed wavelet, but upside down, which is another one to this
        // distance.
        let taps: Vec<f64> = wavelet.dec_lo().iter().rev().copied().collect();
        let reversed = Wavelet::orthogonal("reversed", &taps, 1e-12).unwrap();
        let [psi, of_reversed] = [&wavelet, &reversed].map(|wavelet| wavelet.functions(5).unwrap().wavelet);
        let mut turned: Vec<f64> = of_reversed.iter().rev().map(|value| -value).collect();
        turned.rotate_left(wavelet.filter_len() - 3);
        assert!(distance(&turned, &psi) < 1e-12, "{name}");
        assert!(wavelet.distance(&reversed) > 1.0);
        // A delay by two zeros.
        let late: Vec<f64> = [&[0.0, 0.0], wavelet.dec_lo()].concat();
        let late = Wavelet::orthogonal("late", &late, 1e-12).unwrap();
        assert!(wavelet.distance(&late) < 1e-12, "{name}");
    }
}

#[test]
fn bad_filters_are_errors() {
    use WaveletError as E;
    let make = |taps: &[f64], tolerance| Wavelet::orthogonal("mine", taps, tolerance);
    let half = 0.5_f64.sqrt();
    for name in ["", "db0", "db39", "coif1 -0.015655728135791993", "coif", "dmey2"] {
        assert!(matches!(Wavelet::named(name), Err(E::Name { .. })), "{name}");
    }
    assert_eq!(make(&[], 1.0), Err(E::Input(InputError::empty("the filter"))));
    assert!(matches!(make(&[half, half, 0.0], 1.0), Err(E::Input(InputError::Size { found: 3, .. }))));
    assert_eq!(make(&[half, f64::NAN], 1.0), Err(E::Input(InputError::not_finite("value 1 of the filter"))));
    assert!(matches!(
        make(&[1.0, 0.4], 1e-3),
        Err(E::Condition { condition: "orthonormality to even shifts", .. })
    ));
    assert!(matches!(make(&[half, -half], 1e-3), Err(E::Condition { condition: "a sum of √2", .. })));
    assert!(matches!(make(&[half, half], f64::NAN), Err(E::Condition { .. })));
    assert!(make(&[1.0, 0.4], f64::INFINITY).is_ok());
    let spline = named("bior2.2");
    let make = |rec_lo: &[f64]| Wavelet::biorthogonal("mine", spline.dec_lo(), rec_lo, 1e-9);
    assert!(make(spline.rec_lo()).is_ok());
    assert!(matches!(make(&[half, half]), Err(E::Input(InputError::Size { found: 2, .. }))));
    assert!(matches!(make(spline.dec_lo()), Err(E::Condition { condition: "perfect reconstruction", .. })));
    assert!(matches!(make(&[f64::INFINITY; 6]), Err(E::Input(InputError::NotFinite { .. }))));
    let functions = |level| spline.functions(level).map(|_| ());
    assert_eq!(functions(0), Err(E::Level { level: 0, most: 20 }));
    assert_eq!(functions(21), Err(E::Level { level: 21, most: 20 }));
}
