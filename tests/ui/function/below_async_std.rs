// The expansion of `#[async_std::main] #[daemon::main] async fn main() {}`.
fn main() {
    #[daemon::main]
    async fn main() {}

    let _ = main;
}
