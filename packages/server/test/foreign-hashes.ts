/** Password hashes that other software made, or publishes to be tested with. */
export const FOREIGN_HASHES: readonly {
  readonly kind: string;
  readonly by: string;
  readonly password: string;
  readonly hash: string;
}[] = [
  {
    kind: "bcrypt 2b",
    by: "bcrypt 3.2.2 (Python)",
    password: "correct horse battery staple",
    hash: "$2b$08$82nc4ZpJJxiJKZ7y.WfCleNHX.6qiOr5uFShQxsmXms69yXrB6LxG",
  },
  {
    kind: "bcrypt 2a",
    by: "bcrypt 3.2.2 (Python)",
    password: "Ünïcødé pässwörd",
    hash: "$2a$05$aPSxYWMQ2bngXoAUm5rL6Ot4qPybOqmqpxgYliWmYGZOXLcd.mBEK",
  },
  {
    kind: "bcrypt 2y",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "$2y$06$qu.m.Nw38qKthy4s7ChRHuW9XVJ/o7VT.43/va4E.AeQLJ4zhrMl.",
  },
  {
    kind: "Django bcrypt",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "bcrypt$$2b$05$ygaUDA3Bx25Bqye1A/vbCelhGTBCThp9QN5u312VTqU7Dhe8ZtFuK",
  },
  {
    kind: "Django bcrypt_sha256",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "bcrypt_sha256$$2b$05$aswP4Tt7huuA648gIKRiGObvwA5BljbSk8tQf6qgGsJnOEigao7j.",
  },
  {
    kind: "scrypt PHC",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "$scrypt$ln=14,r=8,p=1$Wqs1pvQ+R8gZozRmjLFWig$uJ3fMwm1F7vbcCsXv7aN/oyVzWf98zFLLhjA1qOny1M",
  },
  {
    kind: "PBKDF2-SHA1",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "$pbkdf2$1000$0noPASBkbO39HyOEUMo5pw$z/rtzvk44W/W8M.jceEKPkt9FeA",
  },
  {
    kind: "PBKDF2-SHA256",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "$pbkdf2-sha256$29000$wzgHIOQ853wPgfCe8753Tg$iQAMa1G.YRv2GHExQ4pT/hmgwSirgOmmowkvcGmhXoY",
  },
  {
    kind: "PBKDF2-SHA512",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "$pbkdf2-sha512$25000$.F9LCeE8JyTkHKO09h6jdA$K29IRNLXU5lminhmahHDZJpo1qqX0Q5cxtUDYAVb/qDlrXHiYPssEgg14sCyH.2/Jh6nqZAB4HLVtEOU248CiQ",
  },
  {
    kind: "Django pbkdf2_sha256",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "pbkdf2_sha256$26000$V8ymdUkAOrUD$cZQEJ9WQJn9+hVdPZgN4s696bQmUexlJy38wvf9RzBI=",
  },
  {
    kind: "Django pbkdf2_sha1",
    by: "passlib 1.7.4",
    password: "correct horse battery staple",
    hash: "pbkdf2_sha1$1000$h7MyHMfulhhl$uuqUY/lvxro1sjmBpntgAsf/8cU=",
  },
  {
    kind: "Django scrypt",
    by: "Python's hashlib, as Django writes it",
    password: "correct horse battery staple",
    hash: "scrypt$16384$dNf2Xvq0ZpKs$8$1$oIvC5HpMl/R5/0Nd+osQDayn+AxbImCXl0qrhDuKNnnOAd270Ja3V6g+9MH7a/UP8Df+pRP0aXGVyiLYNMc5Aw==",
  },
  {
    kind: "Werkzeug scrypt",
    by: "Python's hashlib, as Werkzeug writes it",
    password: "correct horse battery staple",
    hash: "scrypt:32768:8:1$dNf2Xvq0ZpKs$69afcc21ed306fcb5d7e8e50c3983755e8f148bb73121f5e11ca3cbd28099d9a5ee61abd9ecbde1608511f3d2e841eda87d688f78e15bec9545d662084678e71",
  },
  {
    kind: "Werkzeug PBKDF2",
    by: "Python's hashlib, as Werkzeug writes it",
    password: "correct horse battery staple",
    hash: "pbkdf2:sha256:50000$dNf2Xvq0ZpKs$7110df568240c67eaee3f2947561bdf48714ca6575b50201ac30fb455881c2bc",
  },
  {
    kind: "ASP.NET Identity 2",
    by: "Microsoft's tests of ASP.NET Core Identity",
    password: "my password",
    hash: "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==",
  },
  {
    kind: "ASP.NET Identity 3, SHA-1",
    by: "Microsoft's tests of ASP.NET Core Identity",
    password: "my password",
    hash: "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M",
  },
  {
    kind: "ASP.NET Identity 3, SHA-256",
    by: "Microsoft's tests of ASP.NET Core Identity",
    password: "my password",
    hash: "AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=",
  },
  {
    kind: "ASP.NET Identity 3, SHA-512",
    by: "Microsoft's tests of ASP.NET Core Identity",
    password: "my password",
    hash: "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw",
  },
  {
    kind: "Firebase scrypt",
    by: "the documentation of Firebase's scrypt",
    password: "user1password",
    hash: "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
  },
  {
    kind: "Firebase scrypt, another",
    by: "the tests of Firebase's scrypt",
    password: "hunter2",
    hash: "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$70k8Vg5B3/OrvJOiqusnasv0dLcBHoDAqJrJr7TRLBfMw4MitWx51YXJYFdGiyMbMeKtWtLf5HiBDcN0SUOm4A==",
  },
];
