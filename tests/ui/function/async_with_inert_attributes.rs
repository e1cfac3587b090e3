#[daemon::main]
/// Serves.
#[inline]
async fn main() -> Result<(), std::num::ParseIntError> {
    "5".parse::<u8>()?;
    Ok(())
}
