// Package txgen makes real, signed Bitcoin transactions out of the published
// test allocation of package utxo, for testnets, load and tests.
//
// A [Generator] owns a range of the allocation's outputs and takes them in
// order. Every transaction has one input and two outputs, spends P2WPKH and
// P2TR (key path) in turn, and is valid under all standard script flags:
//
//   - [Generator.Next] spends one output of the allocation;
//   - [Generator.Chain] makes a chain in which each spends its parent;
//   - [Generator.Conflict] makes two that spend the same output at the same fee.
//
// Nothing is drawn at random: ECDSA nonces follow RFC 6979, Schnorr nonces
// BIP 340 with zero auxiliary data. The same network, range, fee rate and calls
// make the same bytes, so a run can be repeated and two programs can name the
// same transactions without talking to each other. Generators with disjoint
// ranges never spend the same output.
//
// The keys are public: see the warning in package utxo.
package txgen
