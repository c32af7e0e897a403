//! The example configurations are ones.

use std::process::Command;

const HAPROXY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/deploy/haproxy.cfg");

#[test]
fn haproxy_takes_its_example() {
    let program = std::env::var("HAPROXY").unwrap_or_else(|_| "haproxy".to_owned());
    let output = Command::new(program).args(["-c", "-f", HAPROXY]).output();
    let output = output.expect("haproxy: cargo xtask setup gets it");
    let told =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !told.contains("WARNING"), "{told}");
}
