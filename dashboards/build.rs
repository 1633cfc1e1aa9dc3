//! Looks whether the web app was built before it is put into the binary.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
    // Cargo takes what is not there for changed: without the folder, it builds this crate and the server anew each time.
    let _ = std::fs::create_dir_all("web/dist");
    if !Path::new("web/dist/index.html").exists() {
        println!(
            "cargo:warning=the web app is not in this binary: build it with `make web` (Node 20), then build again"
        );
    }
}
