//! A server on tokio whose socket survives a crash.

#[daemon::main(
    pid = "report.pid",
    log = "report.log",
    listen = "http=127.0.0.1:0",
    ready = "notify",
    restart = "on-failure",
    restart_delay = "0s"
)]
#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = daemon::listener("http", "127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    // As the program `report` notes it.
    std::fs::write("http", format!("{} 3", listener.local_addr()?))?;
    daemon::ready();
    loop {
        let (mut client, _) = listener.accept().await?;
        tokio::spawn(
            async move { tokio::io::AsyncWriteExt::write_all(&mut client, b"hello").await },
        );
    }
}
