//! What a script may see and reach in isolet: policy, globals and console.
