//! A server on tokio, ready when it listens.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    std::fs::write("address", listener.local_addr()?.to_string())?;
    loop {
        listener.accept().await?;
    }
}
