#[daemon::main]
#[embassy_executor::main]
async fn main(spawner: embassy_executor::Spawner) {
    spawner.spawn(run()).unwrap();
}

// expands to

fn main() -> impl ::daemon::__private::Termination {
    #[embassy_executor::main]
    async fn main(spawner: embassy_executor::Spawner) {
        spawner.spawn(run()).unwrap();
    }
    let _daemon = ::daemon::Daemon::new().enter();
    main()
}
