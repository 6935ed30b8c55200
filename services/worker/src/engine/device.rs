//! What a language model computes on.

use anyhow::Context;
use candle_core::Device;
use std::fmt;
use std::str::FromStr;

/// What it is asked to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first GPU, where this build and this machine have one, or else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// The GPU of that number, as CUDA counts them.
    Cuda(usize),
}

/// More GPUs than any machine has.
const MOST_GPUS: usize = 64;

/// A device that is there.
#[derive(Debug, Clone)]
pub enum Compute {
    /// The processor, with products and attention of our own.
    Processor,
    /// Whatever the tensor library computes on, with its operations.
    Tensors(Device),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().ok().filter(|number| *number < MOST_GPUS);
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(number)
                .map(Self::Cuda)
                .ok_or_else(|| format!("expected auto, cpu or cuda:N with N from 0 to {}", MOST_GPUS - 1)),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl DeviceChoice {
    /// Opens it.
    ///
    /// # Errors
    /// When there is no such GPU, or this build cannot use any.
    pub fn open(self) -> anyhow::Result<Compute> {
        match self {
            Self::Auto if cfg!(feature = "cuda") => Ok(Self::Cuda(0).open().unwrap_or_else(|error| {
                tracing::info!("computing on the processor: {error:#}");
                Compute::Processor
            })),
            Self::Auto | Self::Cpu => Ok(Compute::Processor),
            Self::Cuda(number) => {
                cuda(number).map(Compute::Tensors).with_context(|| format!("--device {self}"))
            }
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda(number: usize) -> anyhow::Result<Device> {
    Device::new_cuda(number).context("there is no such GPU, or its driver does not answer")
}

#[cfg(not(feature = "cuda"))]
fn cuda(_number: usize) -> anyhow::Result<Device> {
    anyhow::bail!("this build has no CUDA; build it with --features cuda (docs/gpu.md)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_option() {
        for (text, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda:0", DeviceChoice::Cuda(0)),
            ("cuda:63", DeviceChoice::Cuda(63)),
        ] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for text in ["", "gpu", "cuda:", "cuda:64", "cuda:-1", "cuda:x", "CUDA:0", "cuda0"] {
            let error = text.parse::<DeviceChoice>().unwrap_err();
            assert_eq!(error, "expected auto, cpu or cuda:N with N from 0 to 63", "{text:?}");
        }
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_build_without_cuda_says_so() {
        let error = DeviceChoice::Cuda(1).open().unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "--device cuda:1: this build has no CUDA; build it with --features cuda (docs/gpu.md)"
        );
        assert!(matches!(DeviceChoice::Auto.open(), Ok(Compute::Processor)));
        assert!(matches!(DeviceChoice::Cpu.open(), Ok(Compute::Processor)));
    }
}
