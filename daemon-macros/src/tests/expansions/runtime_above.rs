#[daemon::main]
fn main() {
    let body = async { serve().await };
    runtime().block_on(body)
}

// expands to

fn main() {
    let _daemon = ::daemon::Daemon::new().enter();
    {
        let body = async { serve().await };
        runtime().block_on(body)
    }
}
