#[daemon::main(ready = "listening", listen = ["http=0.0.0.0:80"])]
fn main() {}
