//! Looks whether the web app was built before it is put into the binary.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
    if !Path::new("web/dist/index.html").exists() {
        println!(
            "cargo:warning=the web app is not in this binary: build it with `make web` (Node 20), then build again"
        );
    }
}
