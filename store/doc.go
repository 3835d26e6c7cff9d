// Package store keeps encoded vectors on disk, because encoding is what a study costs. A set holds the vectors of one list
// of items under one key (model, recipe, lengths, dtype, engine, corpus) in shards of a fixed number of rows; it is filled
// shard by shard, can be stopped at any moment and goes on where it was, and several processes can fill one set together:
// each shard is encoded by exactly one of them. A killed process loses at most half a minute's vectors and those that it was at.
//
// It knows nothing of models or datasets: the caller gives the key and a function that encodes a range.
//
// # Files
//
// A store is a folder with one folder per set, named by the first 32 hexadecimal digits of the SHA-256 of its key:
//
//	set.json        {"version":1,"key":{...},"rows":N,"cols":C,"shard_rows":S}: written first, never changed
//	00000.npy ...   shard i: rows i*S to min(N, (i+1)*S), little-endian float32, C order; numpy reads it
//	00000.sum       CRC-32C of the shard's file, eight hexadecimal digits, and its length in bytes
//	00000.begun     the first rows of shard i, where encoding it was stopped or takes long: records, each its number of rows,
//	                the CRC-32C of their bytes (little-endian uint32 both) and the rows, as in the .npy file but without
//	                header. What is behind the last whole record is written over. Removed when the shard counts
//	00000.lock      held (by the operating system, so a killed process lets go) while shard i is encoded
//	used            empty; its modification time is the last use
//
// Every file but .begun is written under a temporary name, synced and renamed. A shard counts when its .npy and .sum are there and
// the lengths agree; the checksum is compared when the shard is read. A shard that fails is encoded again. Removing a set removes files
// of these names only, and the folder when nothing else is in it.
package store
