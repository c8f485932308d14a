//! Pictures: rotation against what it must do, patches and colours only where asked, and domains made of
//! digits.

use std::sync::LazyLock;

use burn::tensor::Device;
use kiln_adapt::AdaptError;
use kiln_adapt::images::{
    Bar, Blend, Digits, Draw, ImageShift, Images, Interpolation, Patch, Preset, ShiftedDigits, marks,
};
use kiln_core::InputError;
use kiln_tensor::device_tests;
use proptest::prelude::*;

const BOTH: [Interpolation; 2] = [Interpolation::Nearest, Interpolation::Bilinear];

fn picture(height: usize, width: usize, value: impl Fn(f64, f64) -> f64) -> Images {
    let pixels = (0..height * width).map(|i| value((i / width) as f64, (i % width) as f64) as f32);
    Images::new(height, width, 1, pixels.collect()).unwrap()
}

fn noise(seed: u64, count: usize) -> Vec<f32> {
    let noise = kiln_tensor::Noise { seed, distribution: kiln_tensor::Distribution::Gaussian };
    let mut values = vec![0.0; count];
    noise.fill(0, 0, &mut values);
    values
}

/// Smooth, and 0 near the border.
fn blob(side: usize, row: f64, column: f64) -> Images {
    picture(side, side, |r, c| (-((r - row).powi(2) + (c - column).powi(2)) / 8.0).exp())
}

/// Right and up from the centre.
fn centre_of_mass(images: &Images) -> (f64, f64) {
    let (height, width) = (images.height(), images.width());
    let (mut mass, mut right, mut up) = (0.0, 0.0, 0.0);
    for (i, pixel) in images.pixels().iter().enumerate() {
        let pixel = f64::from(*pixel);
        mass += pixel;
        right += pixel * ((i % width) as f64 - (width - 1) as f64 / 2.0);
        up -= pixel * ((i / width) as f64 - (height - 1) as f64 / 2.0);
    }
    (right / mass, up / mass)
}

proptest! {
    #[test]
    fn no_turn_is_the_identity(seed: u64, height in 1_usize..7, width in 1_usize..7, turns in -2_i32..3) {
        let images = Images::new(height, width, 2, noise(seed, 3 * 2 * height * width)).unwrap();
        for interpolation in BOTH {
            prop_assert_eq!(&images.rotated(360.0 * f64::from(turns), interpolation).unwrap(), &images);
        }
    }

    #[test]
    fn right_angles_permute_pixels(seed: u64, side in 1_usize..8) {
        let pixels = noise(seed, side * side);
        let images = Images::new(side, side, 1, pixels.clone()).unwrap();
        // The last column becomes the first row.
        let turned: Vec<f32> =
            (0..side * side).map(|i| pixels[(i % side) * side + side - 1 - i / side]).collect();
        for interpolation in BOTH {
            let quarter = images.rotated(90.0, interpolation).unwrap();
            prop_assert_eq!(quarter.pixels(), turned.as_slice());
            prop_assert_eq!(&quarter.rotated(-90.0, interpolation).unwrap(), &images);
            let half = quarter.rotated(90.0, interpolation).unwrap();
            prop_assert_eq!(&half, &images.rotated(-180.0, interpolation).unwrap());
            prop_assert_eq!(&quarter.rotated(270.0, interpolation).unwrap(), &images);
            let reversed: Vec<f32> = pixels.iter().rev().copied().collect();
            prop_assert_eq!(half.pixels(), reversed.as_slice());
        }
    }

    #[test]
    fn half_turns_reverse_rectangles(seed: u64, height in 1_usize..7, width in 1_usize..7) {
        let pixels = noise(seed, height * width);
        let reversed: Vec<f32> = pixels.iter().rev().copied().collect();
        let images = Images::new(height, width, 1, pixels).unwrap();
        let half = images.rotated(180.0, Interpolation::Bilinear).unwrap();
        prop_assert_eq!(half.pixels(), reversed.as_slice());
    }

    /// A positive angle moves what is right of the centre up.
    #[test]
    fn angles_are_counter_clockwise(angle in -180.0_f64..180.0, from in 0.0_f64..6.3) {
        let (right, up) = (5.0 * from.cos(), 5.0 * from.sin());
        let images = blob(31, 15.0 - up, 15.0 + right);
        let turned = centre_of_mass(&images.rotated(angle, Interpolation::Bilinear).unwrap());
        let to = from + angle.to_radians();
        prop_assert!((turned.0 - 5.0 * to.cos()).abs() < 0.02, "{turned:?}");
        prop_assert!((turned.1 - 5.0 * to.sin()).abs() < 0.02, "{turned:?}");
    }

    /// Interpolation between four pixels is exact for what is linear in row and column.
    #[test]
    fn planes_turn_exactly(angle in -180.0_f64..180.0, a in -1.0_f64..1.0, b in -1.0_f64..1.0) {
        let side = 13;
        let plane = |right: f64, up: f64| 3.0 + a * right + b * up;
        let turned = picture(side, side, |r, c| plane(c - 6.0, 6.0 - r))
            .rotated(angle, Interpolation::Bilinear).unwrap();
        let (sine, cosine) = angle.to_radians().sin_cos();
        for (i, pixel) in turned.pixels().iter().enumerate() {
            let (right, up) = ((i % side) as f64 - 6.0, 6.0 - (i / side) as f64);
            if right.hypot(up) <= 6.0 {
                let expected = plane(right * cosine + up * sine, up * cosine - right * sine);
                prop_assert!((f64::from(*pixel) - expected).abs() < 1e-5, "{pixel} and {expected}");
            }
        }
    }

    #[test]
    fn turning_back_restores_the_interior(angle in -90.0_f64..90.0, row in 9.0_f64..15.0, column in 9.0_f64..15.0) {
        let images = blob(25, row, column);
        let back = images.rotated(angle, Interpolation::Bilinear).unwrap()
            .rotated(-angle, Interpolation::Bilinear).unwrap();
        for (i, (a, b)) in images.pixels().iter().zip(back.pixels()).enumerate() {
            let (r, c) = ((i / 25) as f64 - 12.0, (i % 25) as f64 - 12.0);
            if r.hypot(c) <= 11.0 {
                // Twice the error of linear interpolation, h²/8 |f''| in each of two directions, |f''| ≤ 1/4.
                prop_assert!((a - b).abs() <= 0.126, "{a} and {b}");
            }
        }
    }

    #[test]
    fn what_comes_from_outside_is_zero(angle in 1.0_f64..89.0, side in 3_usize..12) {
        for interpolation in BOTH {
            let turned = picture(side, side, |_, _| 1.0).rotated(angle, interpolation).unwrap();
            prop_assert!(turned.pixels().iter().all(|pixel| (-1e-6..=1.0 + 1e-6).contains(pixel)));
            if interpolation == Interpolation::Nearest {
                prop_assert!(turned.pixels().iter().all(|pixel| *pixel == 0.0 || *pixel == 1.0));
            }
        }
        let corner = picture(9, 9, |_, _| 1.0).rotated(45.0, Interpolation::Bilinear).unwrap();
        prop_assert_eq!(corner.pixels()[0], 0.0);
    }

    #[test]
    fn patches_are_only_where_asked(
        seed: u64, top in 0_usize..4, left in 0_usize..3, height in 1_usize..3, width in 1_usize..3,
        value in -2.0_f32..2.0, replace: bool,
    ) {
        let images = Images::new(6, 5, 2, noise(seed, 4 * 2 * 30)).unwrap();
        let marked = marks(&[0; 4], &[0.5], seed, 0).unwrap();
        let blend = if replace { Blend::Replace } else { Blend::Maximum };
        let patch = Patch { rows: top..top + height, columns: left..left + width, value, blend };
        let drawn = images.clone().with_patch(&patch, &marked).unwrap();
        for (i, (before, after)) in images.pixels().iter().zip(drawn.pixels()).enumerate() {
            let inside = patch.rows.contains(&(i / 5 % 6)) && patch.columns.contains(&(i % 5));
            let expected = match (marked[i / 60] && inside, replace) {
                (false, _) => *before,
                (true, true) => value,
                (true, false) => before.max(value),
            };
            prop_assert_eq!(*after, expected);
        }
    }

    #[test]
    fn colour_goes_only_where_asked(seed: u64) {
        let images = Images::new(2, 3, 3, noise(seed, 5 * 18)).unwrap();
        let marked = marks(&[0, 1, 0, 1, 1], &[0.3, 0.8], seed, 1).unwrap();
        let grey = images.clone().without_colour(&marked).unwrap();
        for (picture, mark) in marked.iter().enumerate() {
            let [before, after] = [&images, &grey].map(|all| &all.pixels()[18 * picture..18 * (picture + 1)]);
            if *mark {
                for place in 0..6 {
                    let luma = 0.299 * before[place] + 0.587 * before[6 + place] + 0.114 * before[12 + place];
                    for channel in 0..3 {
                        prop_assert!((after[6 * channel + place] - luma).abs() < 1e-6);
                    }
                }
            } else {
                prop_assert_eq!(before, after);
            }
        }
        // What is grey stays as it is.
        let again = grey.clone().without_colour(&marked).unwrap();
        prop_assert!(again.pixels().iter().zip(grey.pixels()).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn normalization_is_undone_by_its_inverse(seed: u64, mean in -1.0_f32..1.0, deviation in 0.1_f32..3.0) {
        let images = Images::new(3, 3, 1, noise(seed, 18)).unwrap();
        let back = images.clone().normalized(mean, deviation).unwrap()
            .normalized(-mean / deviation, 1.0 / deviation).unwrap();
        prop_assert!(back.pixels().iter().zip(images.pixels()).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    /// The numbers behind the marks are drawn whatever the classes.
    #[test]
    fn a_mark_depends_on_its_own_class_only(seed: u64, changed in 0_usize..50) {
        let classes: Vec<usize> = (0..50).map(|i| i % 3).collect();
        let mut others = classes.clone();
        others[changed] = (others[changed] + 1) % 3;
        let probabilities = [0.2, 0.5, 0.9];
        let marked = |classes: &[usize]| marks(classes, &probabilities, seed, 0).unwrap();
        let (a, b) = (marked(&classes), marked(&others));
        for row in (0..50).filter(|row| *row != changed) {
            prop_assert_eq!(a[row], b[row]);
        }
        // The larger the probability the more are marked, and none or all at the ends.
        let fewer = marks(&classes, &[0.1, 0.4, 0.9], seed, 0).unwrap();
        prop_assert!(fewer.iter().zip(&a).all(|(fewer, more)| !fewer || *more));
        prop_assert!(marks(&classes, &[0.0; 3], seed, 0).unwrap().iter().all(|mark| !mark));
        prop_assert!(marks(&classes, &[1.0; 3], seed, 0).unwrap().iter().all(|mark| *mark));
    }
}

#[test]
fn marks_are_as_frequent_as_asked() {
    let n = 20_000;
    let classes: Vec<usize> = (0..n).map(|i| i % 2).collect();
    let marked = marks(&classes, &[0.1, 0.9], 5, 2).unwrap();
    for (class, probability) in [(0, 0.1), (1, 0.9)] {
        let hits = marked.iter().zip(&classes).filter(|(mark, of)| **mark && **of == class).count();
        within(hits, n / 2, probability);
    }
    assert_ne!(marked, marks(&classes, &[0.1, 0.9], 5, 3).unwrap());
    assert_ne!(marked, marks(&classes, &[0.1, 0.9], 6, 2).unwrap());
}

/// Five standard errors of a share.
#[track_caller]
fn within(hits: usize, n: usize, probability: f64) {
    let share = hits as f64 / n as f64;
    let error = (probability * (1.0 - probability) / n as f64).sqrt();
    assert!((share - probability).abs() <= 5.0 * error, "{share} of {n}, not {probability}");
}

#[test]
fn wrong_pictures_are_refused() {
    assert!(matches!(
        Images::new(0, 2, 1, vec![]),
        Err(AdaptError::Input(InputError::Setting { name: "height", .. }))
    ));
    assert!(matches!(
        Images::new(2, 2, 1, vec![0.0; 5]),
        Err(AdaptError::Input(InputError::Size { found: 5, expected: 4, .. }))
    ));
    assert!(matches!(
        Images::new(1, 1, 1, vec![f32::NAN]),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));
    assert!(matches!(
        Images::new(usize::MAX, usize::MAX, 3, vec![0.0]),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        Images::from_bytes(1, 1, 1, &[1], 0),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));

    let images = picture(4, 4, |r, c| r + c);
    assert!(images.rotated(f64::NAN, Interpolation::Nearest).is_err());
    assert!(images.clone().normalized(0.0, 0.0).is_err());
    assert!(images.clone().without_colour(&[true]).is_err());
    assert!(matches!(
        images.select(&[1]),
        Err(AdaptError::Input(InputError::Size { found: 1, expected: 1, .. }))
    ));
    let patch = |rows, columns, value| {
        images.clone().with_patch(&Patch { rows, columns, value, blend: Blend::Maximum }, &[true])
    };
    assert!(patch(0..4, 0..4, 1.0).is_ok());
    assert!(patch(0..5, 0..4, 1.0).is_err());
    assert!(patch(0..4, 2..2, 1.0).is_err());
    assert!(patch(0..4, 0..4, f32::INFINITY).is_err());
    let one = Patch { rows: 0..1, columns: 0..1, value: 1.0, blend: Blend::Replace };
    assert!(matches!(images.clone().with_patch(&one, &[]), Err(AdaptError::Input(InputError::Size { .. }))));
    assert!(matches!(marks(&[0, 2], &[0.5, 0.5], 0, 0), Err(AdaptError::Class { row: 1, class: 2, .. })));
    assert!(marks(&[0], &[1.5], 0, 0).is_err());

    assert!(matches!(Digits::new(images.clone(), vec![]), Err(AdaptError::Input(InputError::Size { .. }))));
    assert!(matches!(Digits::new(images, vec![10]), Err(AdaptError::Class { .. })));
}

/// Black pictures with digits in turn.
fn black(count: usize, side: usize) -> Digits {
    let images = Images::new(side, side, 1, vec![0.0; count * side * side]).unwrap();
    Digits::new(images, (0..count).map(|i| (i % 10) as u8).collect()).unwrap()
}

fn device() -> Device {
    static DEVICE: LazyLock<Device> = LazyLock::new(|| kiln_tensor::devices::named("ndarray").unwrap());
    DEVICE.clone()
}

/// Rows on the host and classes of a domain.
fn read(domain: &kiln_adapt::Labelled<burn::tensor::Tensor<2>>) -> (Vec<f32>, Vec<usize>) {
    (domain.x().clone().try_into_vec_as::<f32>().unwrap(), domain.classes().unwrap().0.to_vec())
}

#[test]
fn bars_are_reversed_between_domains() {
    let digits = black(1_500, 28);
    for (preset, flipped, shifted) in [
        (Preset::Shift, false, false),
        (Preset::LabelShift, false, true),
        (Preset::FlippedBar, true, false),
        (Preset::FlippedBarAndLabelShift, true, true),
    ] {
        let mut settings = ShiftedDigits::mnist(preset);
        // Turning black pictures changes nothing.
        settings.source_rows = Draw::Share(0.5);
        let domains = settings.domains(&digits, &digits, 7).unwrap();
        let (data, target) = domains.vectors(&device()).unwrap();
        let names: Vec<&str> = data.sources().iter().map(kiln_adapt::Labelled::name).collect();
        assert_eq!(names, [30, 15, 0, -15, -30].map(|d| format!("rotated by {d}")));
        assert_eq!(target.name(), "rotated by 45");
        for (m, domain) in data.sources().iter().rev().chain([&target]).enumerate() {
            let (pixels, classes) = read(domain);
            let mut bars = [0; 2];
            for (picture, class) in pixels.chunks_exact(28 * 28).zip(&classes) {
                let bright = |i: usize| (20..26).contains(&(i / 28)) && (1..17).contains(&(i % 28));
                let expected = picture[20 * 28 + 1];
                bars[*class] += usize::from(expected == 3.25);
                let dark = -0.1306 / 0.3081;
                assert!(
                    picture.iter().enumerate().all(|(i, p)| *p == if bright(i) { expected } else { dark })
                );
            }
            let rows = [0, 1].map(|class| classes.iter().filter(|of| **of == class).count());
            let of_one = if m % 2 == 0 { 0.9 } else { 0.1 };
            for (class, probability) in [(0, 1.0 - of_one), (1, of_one)] {
                within(bars[class], rows[class], if flipped { probability } else { 0.0 });
            }
            if m == 5 {
                assert_eq!(rows[1], 750);
                within(rows[0], 750, if shifted { 0.5 } else { 1.0 });
            } else {
                within(rows[0] + rows[1], 1_500, 0.5);
            }
        }
    }
}

#[test]
fn optdigits_have_a_bar_in_the_last_row() {
    let (sources, target) = black(1_797, 8).split(1_200, 3).unwrap();
    assert_eq!((sources.len(), target.len()), (1_200, 597));
    let settings = ShiftedDigits::optdigits(Preset::FlippedBarAndLabelShift);
    let (data, target) = settings.domains(&sources, &target, 3).unwrap().vectors(&device()).unwrap();
    let names: Vec<&str> = data.sources().iter().map(kiln_adapt::Labelled::name).collect();
    assert_eq!(names, [20, 10, 0, -10, -20].map(|d| format!("rotated by {d}")));
    assert_eq!(target.name(), "rotated by 30");
    for source in data.sources() {
        assert_eq!(source.rows(), 600);
        let (pixels, _) = read(source);
        for picture in pixels.chunks_exact(64) {
            let bar = picture[57..63].iter().all(|pixel| *pixel == 1.5);
            let dark = picture.iter().filter(|pixel| (**pixel - (-0.3 / 0.37)).abs() < 1e-6).count();
            assert_eq!(dark, if bar { 58 } else { 64 });
        }
    }
    // The labels given apart are those of the target's rows.
    let unlabelled = data.target().x().clone().try_into_vec_as::<f32>().unwrap();
    assert_eq!(unlabelled, read(&target).0);
}

#[test]
fn classes_are_what_the_digits_say() {
    let digits = black(30, 8);
    let mut settings = ShiftedDigits::optdigits(Preset::Shift);
    settings.source_rows = Draw::Share(1.0);
    let (data, target) = settings.domains(&digits, &digits, 1).unwrap().vectors(&device()).unwrap();
    let expected: Vec<usize> = (0..30).map(|i| usize::from([0, 2, 3, 6, 8].contains(&(i % 10)))).collect();
    assert_eq!(read(&target).1, expected);
    assert_eq!(read(&data.sources()[0]).1, expected);
}

/// Which pictures a domain has, and what they look like, does not depend on their digits, but for the bar and
/// the share of class 0.
#[test]
fn rows_do_not_depend_on_labels() {
    let images = Images::new(8, 8, 1, noise(4, 60 * 64)).unwrap();
    let of = |shift: u8| {
        let digits = (0..60).map(|i| (i + shift) % 10).collect();
        let digits = Digits::new(images.clone(), digits).unwrap();
        let (sources, target) = digits.split(40, 9).unwrap();
        let mut settings = ShiftedDigits::optdigits(Preset::Shift);
        settings.source_rows = Draw::Rows(20);
        settings.domains(&sources, &target, 11).unwrap().vectors(&device()).unwrap()
    };
    let ((a, target_a), (b, target_b)) = (of(0), of(1));
    for (a, b) in a.sources().iter().zip(b.sources()) {
        assert_eq!(read(a).0, read(b).0);
        assert_ne!(read(a).1, read(b).1);
    }
    assert_eq!(read(&target_a).0, read(&target_b).0);
    // Each source draws its own rows, each at most once.
    let drawn: Vec<Vec<f32>> = a.sources().iter().map(|source| read(source).0).collect();
    assert_ne!(drawn[1], drawn[3]);
    let unturned = &drawn[2];
    for (i, x) in unturned.chunks_exact(64).enumerate() {
        assert!(unturned.chunks_exact(64).skip(i + 1).all(|y| x != y));
    }
}

#[test]
fn squares_move_to_the_upper_left() {
    let mut settings = ShiftedDigits::mnist(Preset::Shift);
    settings.shift = ImageShift::WhiteSquare { corner: 12, step: 2, side: 16, value: 3.25 };
    settings.source_rows = Draw::Rows(10);
    let (data, target) =
        settings.domains(&black(20, 28), &black(20, 28), 1).unwrap().vectors(&device()).unwrap();
    for (m, domain) in data.sources().iter().rev().chain([&target]).enumerate() {
        let square = 12 - 2 * m..28 - 2 * m;
        assert_eq!(domain.name(), format!("square at {}", square.start));
        for (i, pixel) in read(domain).0.iter().enumerate() {
            let inside = square.contains(&(i / 28 % 28)) && square.contains(&(i % 28));
            assert_eq!(*pixel == 3.25, inside);
        }
    }
    settings.sources = 7;
    assert!(matches!(
        settings.domains(&black(20, 28), &black(20, 28), 1),
        Err(AdaptError::Input(InputError::Setting { name: "corner", .. }))
    ));
}

#[test]
fn the_same_seed_gives_the_same_domains() {
    let images = Images::new(8, 8, 1, noise(4, 60 * 64)).unwrap();
    let digits = Digits::new(images, (0..60).map(|i| i % 10).collect()).unwrap();
    let settings = ShiftedDigits {
        source_rows: Draw::Share(0.5),
        ..ShiftedDigits::optdigits(Preset::FlippedBarAndLabelShift)
    };
    let domains = |seed| settings.domains(&digits, &digits, seed).unwrap();
    assert_eq!(domains(1), domains(1));
    assert_ne!(domains(1), domains(2));
    let stored = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<ShiftedDigits>(&stored).unwrap(), settings);
}

#[test]
fn wrong_domains_are_refused() {
    let digits = black(20, 8);
    let settings = ShiftedDigits::optdigits(Preset::FlippedBar);
    let refused = |change: fn(&mut ShiftedDigits)| {
        let mut settings = settings.clone();
        settings.source_rows = Draw::Rows(10);
        change(&mut settings);
        settings.domains(&digits, &digits, 1).and_then(|domains| domains.vectors(&device())).is_err()
    };
    assert!(!refused(|_| ()));
    assert!(refused(|s| s.source_rows = Draw::Rows(21)));
    assert!(refused(|s| s.source_rows = Draw::Share(-0.1)));
    assert!(refused(|s| s.source_rows = Draw::Share(0.0)));
    assert!(refused(|s| s.source_rows = Draw::Rows(0)));
    assert!(refused(|s| s.sources = 0));
    assert!(refused(|s| s.positive = vec![10]));
    assert!(refused(|s| s.positive = vec![]));
    assert!(refused(|s| s.target_zeros = 2.0));
    assert!(refused(|s| s.deviation = 0.0));
    assert!(refused(|s| s.shift =
        ImageShift::Rotation { first: f64::NAN, step: 1.0, interpolation: Interpolation::Nearest }));
    assert!(refused(|s| s.bar = s.bar.clone().map(|bar| Bar { probability: 1.1, ..bar })));
    assert!(refused(|s| s.bar = ShiftedDigits::mnist(Preset::FlippedBar).bar));
    assert!(matches!(
        digits.split(21, 1),
        Err(AdaptError::Input(InputError::Size { found: 20, expected: 21, .. }))
    ));
}

device_tests! {
    fn tensors_hold_the_pixels(device) {
        let pixels = noise(8, 2 * 3 * 20);
        let images = Images::new(4, 5, 3, pixels.clone()).unwrap();
        assert_eq!(images.pictures(device).dims(), [2, 3, 4, 5]);
        assert_eq!(images.pictures(device).try_into_vec_as::<f32>().unwrap(), pixels);
        assert_eq!(images.vectors(device).dims(), [2, 60]);

        let digits = black(40, 8);
        let mut settings = ShiftedDigits::optdigits(Preset::FlippedBar);
        settings.source_rows = Draw::Rows(20);
        let domains = settings.domains(&digits, &digits, 1).unwrap();
        let (pictures, labelled) = domains.pictures(device).unwrap();
        let (vectors, _) = domains.vectors(device).unwrap();
        assert_eq!(pictures.target().x().dims(), [40, 1, 8, 8]);
        assert_eq!(vectors.target().x().dims(), [40, 64]);
        assert_eq!(
            pictures.sources()[0].x().clone().try_into_vec_as::<f32>().unwrap(),
            vectors.sources()[0].x().clone().try_into_vec_as::<f32>().unwrap()
        );
        assert_eq!(labelled.rows(), 40);
    }
}
