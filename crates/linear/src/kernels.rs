//! Passes over dense rows, compiled for the vector instructions that the processor turns out to have.
//!
//! Sums have a fixed number of lanes and no fused multiply-add, so that every machine computes the same bits.
//! Rows are centred as they are read: `x − c` loses nothing where the mean of a column is far larger than its
//! spread.

#![allow(clippy::inline_always)] // only what is inlined is compiled for the vector instructions

use pulp::{Arch, NullaryFnOnce};

const LANES: usize = 16;

/// Columns whose sums are formed at a time, so that they stay in the nearest cache.
const STRIP: usize = 1_024;

/// `Σⱼ (xⱼ − cⱼ) uⱼ`
#[inline(always)]
fn dot_centred(x: &[f64], c: &[f64], u: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (c_blocks, c_rest) = c.as_chunks::<LANES>();
    let (u_blocks, u_rest) = u.as_chunks::<LANES>();
    for ((x, c), u) in x_blocks.iter().zip(c_blocks).zip(u_blocks) {
        for lane in 0..LANES {
            sums[lane] += (x[lane] - c[lane]) * u[lane];
        }
    }
    let mut total = 0.0;
    for ((x, c), u) in x_rest.iter().zip(c_rest).zip(u_rest) {
        total += (x - c) * u;
    }
    for sum in sums {
        total += sum;
    }
    total
}

/// `g ← g + a (x − c)`
#[inline(always)]
fn axpy_centred(a: f64, x: &[f64], c: &[f64], g: &mut [f64]) {
    for ((g, x), c) in g.iter_mut().zip(x).zip(c) {
        *g += a * (x - c);
    }
}

/// Rows next to each other, and what is subtracted from each.
#[derive(Clone, Copy)]
pub(crate) struct CentredRows<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) centre: &'a [f64],
}

/// `mᵢ ← (xᵢ − c)ᵀu + b`
pub(crate) fn forward(rows: CentredRows<'_>, u: &[f64], b: f64, m: &mut [f64]) {
    struct Pass<'a>(CentredRows<'a>, &'a [f64], f64, &'a mut [f64]);
    impl NullaryFnOnce for Pass<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Pass(rows, u, b, m) = self;
            for (m, x) in m.iter_mut().zip(rows.values.chunks_exact(u.len())) {
                *m = b + dot_centred(x, rows.centre, u);
            }
        }
    }
    Arch::new().dispatch(Pass(rows, u, b, m));
}

/// `g ← g + Σᵢ rᵢ (xᵢ − c)`
pub(crate) fn backward(rows: CentredRows<'_>, r: &[f64], g: &mut [f64]) {
    struct Pass<'a>(CentredRows<'a>, &'a [f64], &'a mut [f64]);
    impl NullaryFnOnce for Pass<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Pass(rows, r, g) = self;
            let width = g.len();
            for (at, (g, c)) in (0..).step_by(STRIP).zip(g.chunks_mut(STRIP).zip(rows.centre.chunks(STRIP))) {
                for (r, x) in r.iter().zip(rows.values.chunks_exact(width)) {
                    axpy_centred(*r, &x[at..at + g.len()], c, g);
                }
            }
        }
    }
    Arch::new().dispatch(Pass(rows, r, g));
}

/// `tᵢ ← (xᵢ − c)ᵀu + b` and `g ← g + Σᵢ hᵢ tᵢ (xᵢ − c)` while a row is at hand; returns `Σᵢ hᵢ tᵢ`.
pub(crate) fn curve(
    rows: CentredRows<'_>,
    h: &[f64],
    u: &[f64],
    b: f64,
    t: &mut [f64],
    g: &mut [f64],
) -> f64 {
    struct Pass<'a>(CentredRows<'a>, &'a [f64], &'a [f64], f64, &'a mut [f64], &'a mut [f64]);
    impl NullaryFnOnce for Pass<'_> {
        type Output = f64;

        #[inline(always)]
        fn call(self) -> f64 {
            let Pass(rows, h, u, b, t, g) = self;
            let mut total = 0.0;
            for ((t, h), x) in t.iter_mut().zip(h).zip(rows.values.chunks_exact(u.len())) {
                *t = b + dot_centred(x, rows.centre, u);
                let pull = h * *t;
                total += pull;
                axpy_centred(pull, x, rows.centre, g);
            }
            total
        }
    }
    Arch::new().dispatch(Pass(rows, h, u, b, t, g))
}

/// `first ← first + Σᵢ sᵢ (xᵢ − c)` and `second ← second + Σᵢ sᵢ (xᵢ − c)²`
pub(crate) fn moments(rows: CentredRows<'_>, shares: &[f64], first: &mut [f64], second: &mut [f64]) {
    struct Pass<'a>(CentredRows<'a>, &'a [f64], &'a mut [f64], &'a mut [f64]);
    impl NullaryFnOnce for Pass<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Pass(rows, shares, first, second) = self;
            let width = first.len();
            let sums = first.chunks_mut(STRIP).zip(second.chunks_mut(STRIP));
            for (at, ((first, second), c)) in (0..).step_by(STRIP).zip(sums.zip(rows.centre.chunks(STRIP))) {
                for (share, x) in shares.iter().zip(rows.values.chunks_exact(width)) {
                    let sums = first.iter_mut().zip(second.iter_mut());
                    for ((x, c), (first, second)) in x[at..].iter().zip(c).zip(sums) {
                        let apart = x - c;
                        let pull = share * apart;
                        *first += pull;
                        *second += pull * apart;
                    }
                }
            }
        }
    }
    Arch::new().dispatch(Pass(rows, shares, first, second));
}

/// `xᵀy` of slices of one length.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    struct Pass<'a>(&'a [f64], &'a [f64]);
    impl NullaryFnOnce for Pass<'_> {
        type Output = f64;

        #[inline(always)]
        fn call(self) -> f64 {
            crate::rows::dot(self.0, self.1)
        }
    }
    Arch::new().dispatch(Pass(x, y))
}

/// `y ← y + a x`
pub(crate) fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    struct Pass<'a>(f64, &'a [f64], &'a mut [f64]);
    impl NullaryFnOnce for Pass<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            for (y, x) in self.2.iter_mut().zip(self.1) {
                *y += self.0 * x;
            }
        }
    }
    Arch::new().dispatch(Pass(a, x, y));
}
