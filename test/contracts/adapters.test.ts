// Contracts that carry final answers to other standards, over the whole protocol with the toy model.
import { expect } from 'chai';
import { type Asked, type Claimed, deployProtocol, type Protocol } from '../support/toy/protocol.ts';
import { honestValues, INPUT, small } from '../support/toy/small.ts';

const AGENT = 77n;
const JOB = { Open: 0, Funded: 1, Submitted: 2, Completed: 3, Rejected: 4 } as const;
const NO_ANSWER = `0x${'00'.repeat(32)}`;

describe('adapters to other standards', () => {
  let protocol: Protocol;
  let asked: Asked;

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
    asked = await protocol.ask(small, INPUT);
  });

  async function answered(): Promise<Claimed> {
    const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
    await protocol.passWindow(claimed);
    await protocol.finalize(claimed);
    return claimed;
  }

  const outputs = () => protocol.outputsOf(small, honestValues.output());
  const inputsOf = () => asked.request[3] as string;

  describe('validator of ERC-8004', () => {
    async function deployed() {
      const validations = await protocol.ethers.deployContract('ValidationRegistryMock');
      const validator = await protocol.ethers.deployContract('AssayValidator', [
        protocol.oracle,
        validations,
        protocol.requester,
      ]);
      const statement = (named: string, agentId = AGENT, salt = NO_ANSWER) => ({
        agentId,
        requestId: asked.id,
        modelId: small.id,
        inputs: inputsOf(),
        outputs: named,
        salt,
      });
      const requested = async (named: string, agentId = AGENT) => {
        const said = statement(named, agentId);
        const hash = await validator.requestHash(said);
        await validations.validationRequest(validator, agentId, '', hash);
        return { said, hash };
      };
      return { validations, validator, statement, requested };
    }

    it('answers once, and not before finality', async () => {
      const { validations, validator, requested } = await deployed();
      const { said, hash } = await requested(outputs());
      await expect(validator.validate(said, asked.request as never))
        .to.be.revertedWithCustomError(protocol.oracle, 'NotFinal')
        .withArgs(asked.id);
      expect((await validations.getValidationStatus(hash))[2]).to.equal(0);
      await answered();
      await expect(validator.connect(protocol.stranger).validate(said, asked.request as never))
        .to.emit(validator, 'Validated')
        .withArgs(hash, AGENT, true);
      const [, , response, responseHash, tag] = await validations.getValidationStatus(hash);
      expect([response, responseHash, tag]).to.deep.equal([100n, outputs(), 'assay']);
      await expect(validator.validate(said, asked.request as never))
        .to.be.revertedWithCustomError(validator, 'AlreadyValidated')
        .withArgs(hash);
    });

    it('counts no answer to a request that somebody else made, under whatever terms', async () => {
      const { validations, validator, statement } = await deployed();
      asked = await protocol.ask(small, INPUT, { from: protocol.liar });
      await answered();
      const said = statement(outputs());
      await validations.validationRequest(validator, AGENT, '', await validator.requestHash(said));
      await expect(validator.validate(said, asked.request as never))
        .to.be.revertedWithCustomError(validator, 'StatementMismatch')
        .withArgs(asked.id);
    });

    it('says 0 to an output that is not the answer', async () => {
      const { validations, validator, requested } = await deployed();
      const { said, hash } = await requested(NO_ANSWER);
      await answered();
      await expect(validator.validate(said, asked.request as never))
        .to.emit(validator, 'Validated')
        .withArgs(hash, AGENT, false);
      expect((await validations.getValidationStatus(hash))[2]).to.equal(0);
      expect(await validator.validated(hash)).to.equal(true);
    });

    it('answers no request of another agent, and none about another request', async () => {
      const { validations, validator, statement, requested } = await deployed();
      await answered();
      // The same hash under another agent: the registry names that agent, so nothing is said of either.
      const said = statement(outputs());
      const hash = await validator.requestHash(said);
      await validations.validationRequest(validator, AGENT + 1n, '', hash);
      await expect(validator.validate(said, asked.request as never))
        .to.be.revertedWithCustomError(validator, 'NotRequested')
        .withArgs(hash, validator, AGENT + 1n);
      // Another salt makes another hash, which nobody has taken.
      const anew = statement(outputs(), AGENT, outputs());
      await validations.validationRequest(validator, AGENT, '', await validator.requestHash(anew));
      await validator.validate(anew, asked.request as never);
      const { said: foreign } = await requested(outputs(), 5n);
      const lying = { ...foreign, inputs: NO_ANSWER };
      await validations.validationRequest(validator, 5n, '', await validator.requestHash(lying));
      await expect(validator.validate(lying, asked.request as never))
        .to.be.revertedWithCustomError(validator, 'StatementMismatch')
        .withArgs(asked.id);
    });
  });

  describe('evaluator of ERC-8183', () => {
    async function deployed(provider = protocol.honest) {
      asked = await protocol.ask(small, INPUT, { terms: { provider: provider.address } });
      const jobs = await protocol.ethers.deployContract('AgenticCommerceMock');
      const evaluator = await protocol.ethers.deployContract('AssayEvaluator', [protocol.oracle, jobs]);
      await jobs.connect(protocol.requester).createJob(provider, evaluator);
      return { jobs, evaluator };
    }

    it('completes a job whose provider gave the final answer, and no sooner', async () => {
      const { jobs, evaluator } = await deployed();
      await evaluator.connect(protocol.requester).nameRequest(1, asked.id, asked.request as never);
      await jobs.advance(1, JOB.Submitted);
      await expect(evaluator.settle(1))
        .to.be.revertedWithCustomError(evaluator, 'NotDecided')
        .withArgs(asked.id);
      await answered();
      await expect(evaluator.connect(protocol.stranger).settle(1))
        .to.emit(evaluator, 'Settled')
        .withArgs(1, true);
      expect((await jobs.getJob(1)).status).to.equal(JOB.Completed);
      await expect(evaluator.settle(1)).to.be.revertedWithCustomError(jobs, 'WrongStatus');
    });

    it('rejects a job whose request was cancelled', async () => {
      const { jobs, evaluator } = await deployed();
      await evaluator.connect(protocol.requester).nameRequest(1, asked.id, asked.request as never);
      await jobs.advance(1, JOB.Submitted);
      await protocol.at(asked.requestedAt + asked.terms.patienceSeconds + 1n);
      await protocol.oracle.cancel(asked.id, asked.request as never);
      await expect(evaluator.settle(1)).to.emit(evaluator, 'Settled').withArgs(1, false);
      expect((await jobs.getJob(1)).status).to.equal(JOB.Rejected);
    });

    it('lets the client alone name a request, once, while the job is open', async () => {
      const { jobs, evaluator } = await deployed();
      await expect(evaluator.connect(protocol.liar).nameRequest(1, asked.id, asked.request as never))
        .to.be.revertedWithCustomError(evaluator, 'NotClient')
        .withArgs(protocol.requester, protocol.liar);
      await expect(
        evaluator.connect(protocol.requester).nameRequest(1, asked.id + 1n, asked.request as never),
      )
        .to.be.revertedWithCustomError(evaluator, 'RequestMismatch')
        .withArgs(asked.id + 1n);
      // An answer that anybody may copy could be overtaken, and the job with it.
      const open = await protocol.ask(small, INPUT);
      await expect(evaluator.connect(protocol.requester).nameRequest(1, open.id, open.request as never))
        .to.be.revertedWithCustomError(evaluator, 'NotProvidersAlone')
        .withArgs(protocol.honest, protocol.ethers.ZeroAddress);
      await expect(evaluator.settle(1)).to.be.revertedWithCustomError(evaluator, 'NothingNamed').withArgs(1);
      await evaluator.connect(protocol.requester).nameRequest(1, asked.id, asked.request as never);
      await expect(evaluator.connect(protocol.requester).nameRequest(1, asked.id, asked.request as never))
        .to.be.revertedWithCustomError(evaluator, 'TooLate')
        .withArgs(1, JOB.Open, asked.id);
      await jobs.connect(protocol.requester).createJob(protocol.honest, evaluator);
      await jobs.advance(2, JOB.Funded);
      await expect(evaluator.connect(protocol.requester).nameRequest(2, asked.id, asked.request as never))
        .to.be.revertedWithCustomError(evaluator, 'TooLate')
        .withArgs(2, JOB.Funded, 0);
      await jobs.connect(protocol.requester).createJob(protocol.honest, protocol.watcher);
      await expect(evaluator.connect(protocol.requester).nameRequest(3, asked.id, asked.request as never))
        .to.be.revertedWithCustomError(evaluator, 'NotEvaluator')
        .withArgs(protocol.watcher);
    });
  });

  describe('verifier of ERC-8274', () => {
    it('says yes to the final answer of its model, and to nothing else', async () => {
      const verifier = await protocol.ethers.deployContract('AssayProofVerifier', [
        protocol.oracle,
        small.id,
        protocol.requester,
      ]);
      const foreign = await protocol.ethers.deployContract('AssayProofVerifier', [
        protocol.oracle,
        NO_ANSWER,
        protocol.requester,
      ]);
      const others = await protocol.ethers.deployContract('AssayProofVerifier', [
        protocol.oracle,
        small.id,
        protocol.liar,
      ]);
      const type = protocol.oracle.interface
        .getFunction('cancel')
        .inputs[1]!.format('full')
        .replace(/ request_$/, '');
      const metadata = protocol.ethers.AbiCoder.defaultAbiCoder().encode(
        ['uint256', type],
        [asked.id, asked.request],
      );
      const verify = (inputs: string, named: string, proof = '0x', by = verifier) =>
        by.verify(inputs, named, metadata, proof);
      expect(await verify(inputsOf(), outputs())).to.equal(false);
      await answered();
      expect(await verify(inputsOf(), outputs())).to.equal(true);
      expect(await verify(inputsOf(), NO_ANSWER)).to.equal(false);
      expect(await verify(NO_ANSWER, outputs())).to.equal(false);
      expect(await verify(inputsOf(), outputs(), '0x01')).to.equal(false);
      expect(await verify(inputsOf(), outputs(), '0x', foreign)).to.equal(false);
      expect(await verify(inputsOf(), outputs(), '0x', others)).to.equal(false);
      expect(await verifier.proofSystem()).to.equal('opml/assay');
      expect(await verifier.proofProfile()).to.not.equal(await foreign.proofProfile());
      expect(await verifier.supportsInterface('0x01ffc9a7')).to.equal(true);
      expect(await verifier.supportsInterface('0xffffffff')).to.equal(false);
    });
  });
});
