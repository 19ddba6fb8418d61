//! Tables of the format: tensor types, value types, file types.

/// A tensor type that the engine computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TensorType {
    pub(super) name: &'static str,
    /// Weights in one block.
    pub(super) block: u64,
    /// Bytes of one block.
    pub(super) bytes: u64,
}

/// The type with this number, or its name where the engine does not know it.
///
/// Numbers are those of ggml's `ggml_type`; sizes those of candle 0.10, which keeps ggml's layouts.
pub(super) fn tensor_type(number: u32) -> Result<TensorType, String> {
    let known = |name, block, bytes| Ok(TensorType { name, block, bytes });
    match number {
        0 => known("F32", 1, 4),
        1 => known("F16", 1, 2),
        2 => known("Q4_0", 32, 18),
        3 => known("Q4_1", 32, 20),
        6 => known("Q5_0", 32, 22),
        7 => known("Q5_1", 32, 24),
        8 => known("Q8_0", 32, 34),
        10 => known("Q2_K", 256, 84),
        11 => known("Q3_K", 256, 110),
        12 => known("Q4_K", 256, 144),
        13 => known("Q5_K", 256, 176),
        14 => known("Q6_K", 256, 210),
        30 => known("BF16", 1, 2),
        other => Err(match other {
            // What engines compute with in between, and crash over in a file.
            9 => "Q8_1".to_owned(),
            15 => "Q8_K".to_owned(),
            16 => "IQ2_XXS".to_owned(),
            17 => "IQ2_XS".to_owned(),
            18 => "IQ3_XXS".to_owned(),
            19 => "IQ1_S".to_owned(),
            20 => "IQ4_NL".to_owned(),
            21 => "IQ3_S".to_owned(),
            22 => "IQ2_S".to_owned(),
            23 => "IQ4_XS".to_owned(),
            29 => "IQ1_M".to_owned(),
            34 => "TQ1_0".to_owned(),
            35 => "TQ2_0".to_owned(),
            39 => "MXFP4".to_owned(),
            number => format!("tensor type {number}"),
        }),
    }
}

/// The name that people give to a file with this `general.file_type`.
pub(super) fn file_type(number: u64) -> Option<&'static str> {
    Some(match number {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        32 => "BF16",
        _ => return None,
    })
}

/// A metadata value's type. Arrays within arrays are refused, so an element is never one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
}

impl ValueType {
    pub(super) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Bool,
            8 => Self::String,
            9 => Self::Array,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of one; 0 for those without a fixed size.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::String | Self::Array => 0,
        }
    }
}
