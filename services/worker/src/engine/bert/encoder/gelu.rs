//! The function between the two products of a layer: x times the share of a normal distribution that is below x.
//!
//! The library computes each share to 64 bits, which took as long as all products together. Here it is looked up, between
//! two entries of a table, and is right to a millionth.

use candle_core::{CpuStorage, CustomOp1, Device, Error, Layout, Result, Shape, Tensor};
use std::fmt;

/// Beyond this on either side the share is 0 or 1, to a billionth.
const END: f32 = 6.0;
const STEPS_PER_UNIT: f32 = 512.0;
const STEPS: usize = 2 * 6 * 512;

/// The table.
pub(super) struct Gelu {
    /// The share at each step from -[`END`] to [`END`].
    shares: Vec<f32>,
}

impl Gelu {
    pub(super) fn new() -> Result<Self> {
        let at = |step: usize| {
            (step as f64 / f64::from(STEPS_PER_UNIT) - f64::from(END)) * std::f64::consts::FRAC_1_SQRT_2
        };
        let at: Vec<f64> = (0..=STEPS).map(at).collect();
        let erf = Tensor::new(at, &Device::Cpu)?.erf()?.to_vec1::<f64>()?;
        let mut shares: Vec<f32> = erf.into_iter().map(|erf| (0.5 * (1.0 + erf)) as f32).collect();
        // So that what lies far beyond the table is multiplied with nothing but these.
        if let [first, .., last] = shares.as_mut_slice() {
            (*first, *last) = (0.0, 1.0);
        }
        Ok(Self { shares })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }

    fn of(&self, x: f32) -> f32 {
        let at = (x + END) * STEPS_PER_UNIT;
        // What is no number goes through as such; the rest is cut to the table.
        let step = (at.max(0.0) as usize).min(STEPS - 1);
        let [low, high] =
            self.shares.get(step..step + 2).and_then(|pair| pair.try_into().ok()).unwrap_or([0.0; 2]);
        let between = (at - step as f32).clamp(0.0, 1.0);
        x * (low + (high - low) * between)
    }
}

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let numbers =
            layout.contiguous_offsets().and_then(|(from, to)| storage.as_slice::<f32>().ok()?.get(from..to));
        let numbers = numbers.ok_or_else(|| Error::msg("gelu takes contiguous 32-bit floats"))?;
        let out = numbers.iter().map(|number| self.of(*number)).collect();
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

impl fmt::Debug for Gelu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gelu").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Gelu;
    use candle_core::{Device, Tensor};

    #[test]
    fn it_is_what_the_library_computes() {
        let gelu = Gelu::new().unwrap();
        let mut at: Vec<f32> = (-80_000..80_000).map(|step: i32| step as f32 / 10_000.0).collect();
        at.extend([0.0, -0.0, 1e30, -1e30, f32::MIN_POSITIVE]);
        let x = Tensor::new(at, &Device::Cpu).unwrap();
        let (own, its) = (gelu.forward(&x).unwrap(), x.gelu_erf().unwrap());
        let far = (&own - &its).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(far < 1e-6, "{far}");
        assert!(gelu.of(f32::NAN).is_nan() && gelu.of(f32::INFINITY).is_infinite());
    }

    #[test]
    fn only_what_lies_in_one_piece_is_taken() {
        let columns = Tensor::zeros((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap().t().unwrap();
        assert!(Gelu::new().unwrap().forward(&columns).is_err());
    }
}
