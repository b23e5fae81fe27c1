/**
 * The module that an engine runs which is to be taken: it loads all of tsrun, and stops at the point from
 * which every snapshot goes on.
 * @module
 */
import { loaderHead } from "../link.ts";
import { POINT_WORDS } from "./point.ts";

/** Where the machine code is, behind the structure. */
const CODE_AT = 4096;

/** Chunks by their numbers: the one that is the program, and what is loaded before it. */
export interface Chunks {
  main: number;
  usual: readonly number[];
  preload: number;
}

/**
 * What the engine runs. It takes `path`, the file at whose end the linked text is, and `args`: the code of
 * the point in hex, and the file for {@linkcode Point}.
 */
export function engineCode({ main, usual, preload }: Chunks): string {
  return loaderHead("path") + [
    // All scripts are run now: later nothing is read from the program.
    `const B=e(u,"file:///tsrun/"+d+".js")[0],S=B.places.map((_,i)=>B.run((a,b)=>r(a+o,b+o),i));`,
    `B.run=(_,i)=>S[i];f.close();`,
    `const M=B[${main}];let all;B[${main}]=async(...given)=>{all=given};`,
    `await B.boot(()=>{throw new Error("nothing is left to be read")},d);`,
    `for(const i of ${JSON.stringify(usual)})all[1](i);`,
    `all[1](${preload}).preload();`,
    POINT_IN_ENGINE,
    `await M.call(B,...all)`,
  ].join("");
}

/** Signals of the kernel, and bytes of its struct sigaction on x86-64. */
const SIGNALS = 64, ACTION_SIZE = 32;

/** How the engine leaves the way back, stops, and takes its arguments when it goes on. */
const POINT_IN_ENGINE = `
const {symbols:L}=Deno.dlopen("libc.so.6",{
mmap:{parameters:["usize","usize","i32","i32","i32","i64"],result:"usize"},
mprotect:{parameters:["usize","usize","i32"],result:"i32"},
syscall:{parameters:["i64","i64","i64","i64","i64"],result:"i64"},
dlsym:{parameters:["usize","buffer"],result:"usize"},
malloc:{parameters:["usize"],result:"usize"},free:{parameters:["usize"],result:"void"},
usleep:{parameters:["u32"],result:"i32"}});
const page=L.mmap(0n,8192n,3,0x22,-1,0n),at=(address)=>Deno.UnsafePointer.create(address);
const memory=new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(at(page),8192)),words=new BigUint64Array(memory.buffer);
const code=Uint8Array.fromHex(args[0]);memory.set(code,${CODE_AT});L.mprotect(page+${CODE_AT}n,4096n,5);
const hex=(from,size)=>memory.slice(from,from+size).toHex();
const symbol=(name)=>L.dlsym(0n,new TextEncoder().encode(name+String.fromCharCode(0)));
const actions={};
for(let n=1;n<=${SIGNALS};n++){memory.fill(0,512,1024);L.syscall(13n,BigInt(n),0n,page+512n,8n);
const action=hex(512,${ACTION_SIZE});if(/[1-9a-f]/.test(action))actions[n]=action}
memory.fill(0,512,1024);L.syscall(131n,0n,page+512n,0n,0n);const alternateStack=hex(512,24);
L.syscall(274n,0n,page+512n,page+520n,0n);const robust=[words[64]+"",words[65]+""];
const offset=symbol("__rseq_offset"),rseq=offset?new Deno.UnsafePointerView(at(offset)).getBigInt64()+"":"0";
const environ=symbol("environ")+"",brk=symbol("__curbrk")+"";
memory.fill(0,0,1024);
const blocks=Array.from({length:6},()=>L.malloc(4000000n));for(const block of blocks.reverse())L.free(block);
const go=new Deno.UnsafeFnPointer(at(page+${CODE_AT}n),{parameters:["usize"],result:"i32"});
const threads=()=>[...Deno.readDirSync("/proc/self/task")].length;
for(let i=0;threads()>1;i++){if(i>300)throw new Error("its other threads do not end");L.usleep(100000)}
const pid=Number(L.syscall(39n,0n,0n,0n,0n));L.syscall(228n,1n,page+512n,0n,0n);const second=Number(words[64]);
memory.fill(0,0,1024);
Deno.writeTextFileSync(args[1],JSON.stringify({block:page+"",pid,second,environ,brk,rseq,actions,alternateStack,robust}));

const clock=performance.now.bind(performance);
go.call(page);
const start=clock();all[0].fromSnapshot=true;performance.now=()=>clock()-start;Object.defineProperty(performance,"timeOrigin",{value:Date.now()});
const list=new Deno.UnsafePointerView(at(words[${POINT_WORDS.arguments}])),count=Number(list.getBigUint64());
const ask=(number)=>({get:()=>Number(L.syscall(number,0n,0n,0n,0n))});
Object.defineProperties(Deno,{pid:ask(39n),ppid:ask(110n)});
Object.defineProperty(Deno,"args",{value:Array.from({length:count-1},(_,i)=>
Deno.UnsafePointerView.getCString(at(list.getBigUint64(16+8*i))))});
`.replaceAll("\n", "");
