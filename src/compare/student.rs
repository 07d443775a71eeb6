//! Student's t for whole degrees of freedom, by the finite sums of Abramowitz and Stegun, *Handbook
//! of Mathematical Functions*, 26.7.3 and 26.7.4. They are exact and short; a library that has them
//! brings linear algebra along.

use std::f64::consts::PI;

/// Beyond any t that a probability in double precision asks for, from three degrees on.
const T_MAX: f64 = 1e6;

/// The chance that a variable with `degrees` ≥ 1 degrees of freedom exceeds `t`.
pub(super) fn chance_above(t: f64, degrees: usize) -> f64 {
    let nu = degrees as f64;
    let angle = (t.abs() / nu.sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    // Terms cos^k with coefficients 2/3 · 4/5 · … or 1/2 · 3/4 · …
    let sum = |first: f64, from: usize| {
        let mut term = first;
        let mut sum = 0.0;
        let mut step = from;
        while step <= degrees {
            sum += term;
            term *= (step - 1) as f64 / step as f64 * cos * cos;
            step += 2;
        }
        sum
    };
    let within = match (degrees, degrees % 2) {
        (1, _) => 2.0 / PI * angle,
        (_, 1) => 2.0 / PI * (angle + sin * sum(cos, 3)),
        _ => sin * sum(1.0, 2),
    };
    let above = (1.0 - within).max(0.0) / 2.0;
    if t < 0.0 { 1.0 - above } else { above }
}

/// The t that is exceeded with this chance, from 0 to 0.5.
pub(super) fn exceeded_with(chance: f64, degrees: usize) -> f64 {
    let (mut low, mut high) = (0.0, T_MAX);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if chance_above(middle, degrees) > chance { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any textbook's table.
    #[test]
    fn it_agrees_with_the_tables() {
        let cases = [
            (1, 12.706),
            (2, 4.303),
            (3, 3.182),
            (4, 2.776),
            (5, 2.571),
            (7, 2.365),
            (10, 2.228),
            (29, 2.045),
            (30, 2.042),
            (120, 1.980),
        ];
        for (degrees, t) in cases {
            let found = exceeded_with(0.025, degrees);
            assert!((found - t).abs() < 0.001, "{degrees}: {found}");
            assert!((chance_above(-t, degrees) - 0.975).abs() < 1e-4, "{degrees}");
        }
        assert!((exceeded_with(0.0005, 9) - 4.781).abs() < 0.001);
        assert_eq!(chance_above(0.0, 8), 0.5);
    }
}
