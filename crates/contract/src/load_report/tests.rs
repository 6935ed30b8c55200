use super::{LoadReport, LoadReportError, MAX_BYTES};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn full() -> LoadReport {
    LoadReport {
        application_utilization: Some(1.25),
        cpu_utilization: Some(0.125),
        mem_utilization: Some(0.5),
        rps_fractional: Some(12.5),
        eps: Some(0.0),
        slots: Some(8.0),
        running: Some(8.0),
        waiting: Some(2.0),
        free_slots: Some(0.0),
        kv_cache_utilization: Some(0.75),
        gpu_utilization: Some(0.97),
        gpu_memory_utilization: Some(0.5),
        output_tokens_per_s: Some(250.0),
    }
}

const FULL: &str = "TEXT application_utilization=1.25,cpu_utilization=0.125,mem_utilization=0.5,rps_fractional=12.5,eps=0,\
    named_metrics.slots=8,named_metrics.running=8,named_metrics.waiting=2,named_metrics.free_slots=0,\
    named_metrics.kv_cache_utilization=0.75,named_metrics.gpu_utilization=0.97,\
    named_metrics.gpu_memory_utilization=0.5,named_metrics.output_tokens_per_s=250";

#[track_caller]
fn reads(header: &str, expected: LoadReport) {
    assert_eq!(LoadReport::parse(header.as_bytes()), Ok(expected), "{header}");
}

fn cpu(value: f64) -> LoadReport {
    LoadReport { cpu_utilization: Some(value), ..LoadReport::default() }
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(full().to_string(), FULL);
    reads(FULL, full());
    assert_eq!(LoadReport::default().to_string(), "TEXT ");
    reads("TEXT ", LoadReport::default());
}

#[test]
fn numbers_are_rounded_to_four_decimals() {
    assert_eq!(cpu(1.0 / 3.0).to_string(), "TEXT cpu_utilization=0.3333");
}

#[test]
fn both_forms_and_both_spellings() {
    reads("TEXT cpu_utilization=0.5", cpu(0.5));
    reads("TEXT  cpu_utilization = 0.5 , x=1", cpu(0.5));
    reads("TEXT cpu_utilization:0.5", cpu(0.5));
    reads(r#"JSON {"cpu_utilization": 0.5}"#, cpu(0.5));
    reads(r#"JSON {"cpuUtilization": 0.5, "unknown": [1]}"#, cpu(0.5));
    let running = LoadReport { running: Some(4.0), ..LoadReport::default() };
    reads(r#"JSON {"named_metrics": {"running": 4, "x": "y"}}"#, running);
    reads(r#"JSON {"namedMetrics": {"running": 4}}"#, running);
    let gpu = LoadReport { gpu_utilization: Some(0.97), ..LoadReport::default() };
    reads("TEXT named_metrics.gpu_utilization=0.97", gpu);
    reads(r#"JSON {"named_metrics": {"gpu_utilization": 0.97}}"#, gpu);
}

#[test]
fn nonsense_is_left_out() {
    for value in ["NaN", "inf", "-inf", "1e999", "-0.1", "x", ""] {
        reads(
            &format!("TEXT cpu_utilization={value},eps=2"),
            LoadReport { eps: Some(2.0), ..LoadReport::default() },
        );
    }
    reads(r#"JSON {"cpu_utilization": "0.5"}"#, LoadReport::default());
    reads(r#"JSON {"cpu_utilization": -1}"#, LoadReport::default());
    reads("TEXT ,,=,cpu_utilization", LoadReport::default());
    reads("TEXT cpu_utilization=0.5,cpu_utilization=0.9", cpu(0.5));
}

#[track_caller]
fn fails(header: &[u8], expected: LoadReportError, message: &str) {
    assert_eq!(LoadReport::parse(header), Err(expected));
    assert_eq!(expected.to_string(), message);
}

#[test]
fn what_cannot_be_read_at_all() {
    let form = "a load report begins with TEXT or JSON";
    for header in [&b""[..], b"TEXT", b"BIN CAE=", b"text a=1", b"TEXT \xff", "TEXT\u{20ac}x".as_bytes()] {
        fails(header, LoadReportError::UnknownFormat, form);
    }
    for header in [&b"JSON "[..], b"JSON []", b"JSON {"] {
        fails(header, LoadReportError::NotAnObject, "a load report of the form JSON holds a JSON object");
    }
    let long = vec![b'x'; MAX_BYTES + 1];
    fails(&long, LoadReportError::TooLong(4097), "a load report of 4097 bytes is longer than 4096");
}

#[test]
fn only_so_many_entries_are_looked_at() {
    let filler = "x=1,".repeat(64);
    reads(&format!("TEXT {filler}cpu_utilization=0.5"), LoadReport::default());
}
