//! Each scenario with one and with two Envoy workers, as tests of their own.

/// Runs a scenario on the thread of its test, so that what it prints is the test's output.
///
/// # Panics
///
/// When the scenario does.
pub fn run(scenario: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(scenario);
}

/// Makes two tests of each `async fn scenario(envoy_workers: u32)`.
#[macro_export]
macro_rules! with_one_and_two_envoy_workers {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[test]
            fn one_envoy_worker() {
                $crate::run(super::$scenario(1));
            }

            #[test]
            fn two_envoy_workers() {
                $crate::run(super::$scenario(2));
            }
        }
    )+};
}
