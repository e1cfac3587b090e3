use std::num::ParseIntError;

#[daemon::main]
fn main() -> Result<(), ParseIntError> {
    let five: u8 = "5".parse()?;
    if five == 5 {
        return Ok(());
    }
    "five".parse::<u8>()?;
    Ok(())
}
