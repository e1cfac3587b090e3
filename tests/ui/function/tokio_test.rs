#[daemon::main]
#[tokio::test]
async fn main() {}
