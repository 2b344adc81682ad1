//! The little linear algebra that fits need: Cholesky factors and what is solved with them (Golub & Van Loan 1996).

/// A square matrix by rows.
pub(crate) type Rows = Vec<Vec<f64>>;

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The lower triangle L with L Lᵀ = a, whose row i has i + 1 numbers; none when a is not positive definite.
pub(crate) fn cholesky(a: &[Vec<f64>]) -> Option<Rows> {
    let mut lower: Rows = Vec::with_capacity(a.len());
    for row in a {
        let mut new = Vec::with_capacity(lower.len().saturating_add(1));
        for (done, value) in lower.iter().zip(row) {
            let rest = value - dot(&new, done);
            new.push(rest / done.last()?);
        }
        let value = row.get(lower.len())?;
        let square = value - dot(&new, &new);
        // A pivot that is all rounding error means a direction in which nothing is known.
        if square.is_nan() || square <= 1e-13 * value.abs() {
            return None;
        }
        new.push(square.sqrt());
        lower.push(new);
    }
    Some(lower)
}

/// Solves L y = b.
pub(crate) fn forward(lower: &[Vec<f64>], b: &[f64]) -> Vec<f64> {
    let mut y: Vec<f64> = Vec::with_capacity(b.len());
    for (row, value) in lower.iter().zip(b) {
        let rest = value - dot(&y, row);
        y.push(row.last().map_or(0.0, |pivot| rest / pivot));
    }
    y
}

/// Solves Lᵀ x = y.
pub(crate) fn backward(lower: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
    let mut x = y.to_vec();
    for (i, row) in lower.iter().enumerate().rev() {
        let Some((pivot, before)) = row.split_last() else { continue };
        let Some((value, earlier)) = x.get_mut(..=i).and_then(<[f64]>::split_last_mut) else { continue };
        *value /= pivot;
        for (left, factor) in earlier.iter_mut().zip(before) {
            *left -= factor * *value;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved() {
        let a = vec![vec![4.0, 2.0, 0.6], vec![2.0, 5.0, 1.0], vec![0.6, 1.0, 3.0]];
        let lower = cholesky(&a).unwrap();
        let x = backward(&lower, &forward(&lower, &[1.0, -2.0, 3.0]));
        for (row, expected) in a.iter().zip([1.0, -2.0, 3.0]) {
            assert!((dot(row, &x) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn singular_and_indefinite_matrices_are_refused() {
        assert_eq!(cholesky(&[vec![1.0, 1.0], vec![1.0, 1.0]]), None);
        assert_eq!(cholesky(&[vec![1.0, 2.0], vec![2.0, 1.0]]), None);
        assert_eq!(cholesky(&[vec![f64::NAN]]), None);
    }
}
