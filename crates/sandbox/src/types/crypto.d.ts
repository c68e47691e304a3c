type HashName = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";
type Hash = HashName | { name: HashName };
type KeyUse = "sign" | "verify";
type CryptoBytes = ArrayBuffer | ArrayBufferView;

interface CryptoKey {
  readonly type: "secret";
  readonly extractable: boolean;
  readonly algorithm: { name: "HMAC"; length: number; hash: { name: HashName } };
  readonly usages: KeyUse[];
}
declare var CryptoKey: { prototype: CryptoKey };

interface SubtleCrypto {
  digest(algorithm: Hash, data: CryptoBytes): Promise<ArrayBuffer>;
  importKey(
    format: "raw",
    key: CryptoBytes,
    algorithm: { name: "HMAC"; hash: Hash },
    extractable: boolean,
    usages: KeyUse[],
  ): Promise<CryptoKey>;
  exportKey(format: "raw", key: CryptoKey): Promise<ArrayBuffer>;
  generateKey(
    algorithm: { name: "HMAC"; hash: Hash; length?: number },
    extractable: boolean,
    usages: KeyUse[],
  ): Promise<CryptoKey>;
  sign(algorithm: "HMAC" | { name: "HMAC" }, key: CryptoKey, data: CryptoBytes): Promise<ArrayBuffer>;
  verify(
    algorithm: "HMAC" | { name: "HMAC" },
    key: CryptoKey,
    signature: CryptoBytes,
    data: CryptoBytes,
  ): Promise<boolean>;
}
declare var SubtleCrypto: { prototype: SubtleCrypto };

interface Crypto {
  readonly subtle: SubtleCrypto;
  randomUUID(): string;
  getRandomValues<T extends ArrayBufferView>(array: T): T;
}
declare var Crypto: { prototype: Crypto };
declare var crypto: Crypto;
