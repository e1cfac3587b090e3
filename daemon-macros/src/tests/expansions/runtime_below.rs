#[daemon::main(pid = "/run/hello.pid")]
/// Serves.
#[allow(unused)]
#[tokio::main(flavor = "current_thread")]
#[rustfmt::skip]
#[tracing::instrument]
async fn main() -> Result<(), Error> {
    //! Until it is stopped.
    serve().await
}

// expands to

/// Serves.
#[allow(unused)]
#[rustfmt::skip]
fn main() -> impl ::daemon::__private::Termination {
    #[tokio::main(flavor = "current_thread")]
    #[tracing::instrument]
    async fn main() -> Result<(), Error> {
        //! Until it is stopped.
        serve().await
    }
    let _daemon = ::daemon::Daemon::new().pid("/run/hello.pid").enter();
    main()
}
