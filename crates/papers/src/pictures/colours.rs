//! Digits in a colour that gives the label away, and in another's to test on.

use super::Pictures;

/// Red to purple in ten equal steps of hue, saturation and lightness, one colour for each digit.
pub fn palette() -> [[f32; 3]; 10] {
    // CSS's red is hsl(0, 1, 0.5), its purple hsl(300, 1, 64/255).
    std::array::from_fn(|digit| {
        let share = digit as f32 / 9.0;
        rgb(300.0 * share, 0.5 + share * (64.0 / 255.0 - 0.5))
    })
}

/// Of full saturation; the hue in degrees.
fn rgb(hue: f32, lightness: f32) -> [f32; 3] {
    let chroma = 1.0 - (2.0 * lightness - 1.0).abs();
    [0.0, 8.0, 4.0].map(|offset| {
        let k = (offset + hue / 30.0) % 12.0;
        lightness - chroma / 2.0 * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0)
    })
}

/// Grey digits in colour: digit `y` in the colour of `y`, or of `9 − y` if `inverted`.
///
/// # Panics
/// Unless the pictures have one channel and labels of 0 to 9.
#[must_use]
pub fn coloured(pictures: &Pictures, inverted: bool) -> Pictures {
    let [channels, height, width] = pictures.shape;
    assert_eq!(channels, 1, "only grey pictures can be coloured");
    let palette = palette();
    let mut values = Vec::with_capacity(3 * pictures.values.len());
    for (i, &label) in pictures.labels.iter().enumerate() {
        for part in palette[usize::from(if inverted { 9 - label } else { label })] {
            values.extend(pictures.picture(i).iter().map(|value| value * part));
        }
    }
    Pictures { shape: [3, height, width], values, labels: pictures.labels.clone() }
}
